// White space at the ends of UTF-8 text, as Python's str.strip() sees it: what Unicode calls white
// space, and the separators U+001C to U+001F. C++17.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace afs {

// Bytes of the white space character that starts at text[at]; 0: none starts there.
inline size_t white_space_at(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) {
        return at + i < text.size() ? static_cast<uint8_t>(text[at + i]) : uint8_t{0};
    };
    const uint8_t first = byte(0);
    if ((first >= 0x09 && first <= 0x0d) || (first >= 0x1c && first <= 0x20)) return 1;
    if (first == 0xc2) return byte(1) == 0x85 || byte(1) == 0xa0 ? 2 : 0;
    if (first < 0xe1 || first > 0xe3) return 0;
    const uint32_t c = uint32_t{first} << 16 | uint32_t{byte(1)} << 8 | byte(2);
    const bool space = c == 0xe19a80 ||                     // U+1680
                       (c >= 0xe28080 && c <= 0xe2808a) ||  // U+2000 to U+200A
                       c == 0xe280a8 || c == 0xe280a9 ||    // U+2028, U+2029
                       c == 0xe280af || c == 0xe2819f ||    // U+202F, U+205F
                       c == 0xe38080;                       // U+3000
    return space ? 3 : 0;
}

// Bytes of white space that text begins with.
inline size_t white_space_before(std::string_view text) {
    size_t at = 0;
    while (const size_t n = white_space_at(text, at)) at += n;
    return at;
}

// Bytes of white space that text ends with.
inline size_t white_space_behind(std::string_view text) {
    size_t end = text.size();
    for (bool found = true; found;) {
        found = false;
        for (size_t n = 1; n <= 3 && n <= end && !found; ++n)
            if (white_space_at(text.substr(0, end), end - n) == n) {
                end -= n;
                found = true;
            }
    }
    return text.size() - end;
}

// Without the white space at both ends.
inline std::string_view trimmed(std::string_view text) {
    text.remove_prefix(white_space_before(text));
    text.remove_suffix(white_space_behind(text));
    return text;
}

}  // namespace afs
