// Small SentencePiece models to feed the tokenizer plugin.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "support/temp_folder.hpp"
#include "support/tokenizer_plugin.hpp"
#include "support/vocabulary_data.hpp"

namespace tokenizer_test {

using afs::test::TempFolder;
constexpr uint32_t kParse = AFS_ENCODE_PARSE_SPECIAL, kAdd = AFS_ENCODE_ADD_SPECIAL;

class Plugin : public TokenizerPlugin {
public:
    Plugin() : TokenizerPlugin("sentencepiece") {}
};

// A ModelProto, member by member as sentencepiece_model.proto has them.
struct ModelFile {
    struct Piece {
        std::string text;
        float score;
        int type;
    };
    std::vector<Piece> pieces;
    uint64_t model_type = 2;  // BPE
    bool byte_fallback = true, whitespace_as_suffix = false;
    bool add_dummy_prefix = true, remove_extra_whitespaces = false;
    std::string charsmap;
    std::string bytes() const;
};

// BPE with byte pieces: 0 <unk>, 1 <s>, 2 </s>, 3 to 258 the bytes, then "_" 259, "a" 260, "b" 261,
// "_a" 262, "ab" 263, "_ab" 264, "<sep>" 265 (user-defined); "_" stands for U+2581.
ModelFile small_model();
// The same as a weight file has it.
VocabularyData small_vocabulary();

constexpr int kByte = 3;  // id of byte 0

std::string golden(const std::string& path);  // below tests/golden, read
std::string golden_path(const std::string& path);
// The texts of tests/golden/tokenizer/inputs.jsonl.
std::vector<std::string> golden_texts();
// As the golden files write ids (tools/goldens/tokenizers_golden.py).
std::string written(const Ids& ids);

}  // namespace tokenizer_test
