// White space at the ends of UTF-8 text, as Python's str.strip() sees it: what Unicode calls white
// space, and the separators U+001C to U+001F. C++17.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "afs/utf8.hpp"

namespace afs {

// Bytes of the white space character that starts at text[at]; 0: none starts there.
inline size_t white_space_at(std::string_view text, size_t at) {
    size_t length = utf8_length(text, at);
    if (length == 0) return 0;
    const uint32_t c = utf8_decode(text, at, length);
    const bool space = (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 ||
                       c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
                       c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
    return space ? length : 0;
}

inline std::string_view trimmed_left(std::string_view text) {
    while (!text.empty()) {
        const size_t length = white_space_at(text, 0);
        if (length == 0) break;
        text.remove_prefix(length);
    }
    return text;
}

inline std::string_view trimmed_right(std::string_view text) {
    for (size_t length = 1; length <= 3 && length <= text.size();) {
        if (white_space_at(text, text.size() - length) == length) {
            text.remove_suffix(length);
            length = 1;
        } else {
            ++length;
        }
    }
    return text;
}

inline std::string_view trimmed(std::string_view text) {
    return trimmed_right(trimmed_left(text));
}

}  // namespace afs
