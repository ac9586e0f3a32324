// The byte-level alphabet of GPT-2: each of the 256 bytes has one printable character, in which
// vocabulary files write their tokens.
#pragma once
#include <string>
#include <string_view>

namespace afs::bpe {

// Turns a token as a file writes it into its bytes. False, with the text itself in `bytes`, where a
// character is outside the alphabet: such a token stands for itself.
bool bytes_of_token(std::string_view token, std::string& bytes);

}  // namespace afs::bpe
