// UTF-8 as RFC 3629 defines it: no surrogates, no overlong forms, nothing above U+10FFFF. C++17.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace afs {

// Bytes of the code point that starts at text[at]; 0 where no valid one starts.
inline size_t utf8_length(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
    const uint8_t lead = byte(at);
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    const size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (text.size() - at < length) return 0;
    for (size_t i = 1; i < length; ++i)
        if ((byte(at + i) & 0xc0) != 0x80) return 0;
    const uint8_t second = byte(at + 1);
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
        return 0;
    return length;
}

// End of the valid stretch that starts at `at`: `at` itself where the byte there is invalid.
inline size_t utf8_valid_until(std::string_view text, size_t at) {
    while (at < text.size()) {
        uint64_t word;
        if (text.size() - at >= sizeof word) {  // eight ASCII bytes at once
            std::memcpy(&word, text.data() + at, sizeof word);
            if ((word & 0x8080808080808080ull) == 0) {
                at += sizeof word;
                continue;
            }
        }
        const size_t length = utf8_length(text, at);
        if (length == 0) break;
        at += length;
    }
    return at;
}

// The code point at text[at], which must be valid; length receives its bytes.
inline uint32_t utf8_decode(std::string_view text, size_t at, size_t& length) {
    const auto byte = [&](size_t i) {
        return static_cast<uint32_t>(static_cast<uint8_t>(text[i]));
    };
    const uint32_t lead = byte(at);
    length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (length == 1) return lead;
    uint32_t value = lead & (0x7fu >> length);
    for (size_t i = 1; i < length; ++i) value = (value << 6) | (byte(at + i) & 0x3f);
    return value;
}

// The text in quotes for a message: control characters and invalid bytes escaped, cut at 40 bytes.
inline std::string in_quotes(std::string_view text) {
    static const char* const kHex = "0123456789abcdef";
    constexpr size_t kMost = 40;
    std::string out = "'";
    size_t at = 0;
    while (at < text.size() && at < kMost) {
        const size_t length = utf8_length(text, at);
        const uint8_t byte = static_cast<uint8_t>(text[at]);
        if (length == 0 || byte < 0x20 || byte == 0x7f) {
            out += "\\x";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
            ++at;
        } else {
            out.append(text.substr(at, length));
            at += length;
        }
    }
    return out + (at < text.size() ? "…'" : "'");
}

}  // namespace afs
