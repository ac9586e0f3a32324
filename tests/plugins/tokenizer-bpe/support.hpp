// Small byte-level checkpoints to feed the tokenizer plugin.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/temp_folder.hpp"
#include "support/tokenizer_plugin.hpp"

namespace tokenizer_test {

using afs::test::TempFolder;

class Plugin : public TokenizerPlugin {
public:
    Plugin() : TokenizerPlugin("bpe") {}
};

// The byte-level alphabet's character for a byte, as UTF-8.
std::string letter_of(int byte);
// A tokenizer.json: ids 0 to 255 are the bytes, then "he" 256, "ll" 257, "hell" 258, "hello" 259,
// " w" 260; added tokens "<s>" 261 (special), "</s>" 262 (special), "<x>" 263 (not special).
// Splits with GPT-2's expression.
nlohmann::json small_tokenizer();

std::string golden(const std::string& name);  // tests/golden/tokenizer/NAME, read
std::string golden_path(const std::string& name);

}  // namespace tokenizer_test
