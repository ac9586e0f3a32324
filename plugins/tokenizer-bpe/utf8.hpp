// UTF-8 as RFC 3629 defines it: no surrogates, no overlong forms, nothing above U+10FFFF.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace afs::bpe {

// Bytes of the code point that starts at text[at]; 0 where no valid one starts.
size_t utf8_length(std::string_view text, size_t at);

// End of the valid stretch that starts at `at`: `at` itself where the byte there is invalid.
size_t utf8_valid_until(std::string_view text, size_t at);

// The code point at text[at], which must be valid; length receives its bytes.
uint32_t utf8_decode(std::string_view text, size_t at, size_t& length);

void utf8_append(std::string& to, uint32_t code_point);

// The text in quotes for a message: control characters and invalid bytes escaped, cut at 40 bytes.
std::string in_quotes(std::string_view text);

}  // namespace afs::bpe
