// The byte-level alphabet of GPT-2: each of the 256 bytes has one printable character, in which
// vocabulary files write their tokens.
#pragma once
#include <string>
#include <string_view>

namespace afs::bpe {

// Appends the bytes of a token as a file writes it (valid UTF-8). False, with the text itself
// appended, where a character is outside the alphabet: such a token stands for itself.
bool append_bytes(std::string_view token, std::string& bytes);

}  // namespace afs::bpe
