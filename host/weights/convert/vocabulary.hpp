// A byte-level BPE vocabulary between its two forms: Hugging Face files and GGUF's metadata.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "afs/abi/tokenizer.h"
#include "afs/status.hpp"
#include "weights/convert/gguf_writer.hpp"
#include "weights/convert/tables.hpp"

namespace afs::convert {

struct Vocabulary {
    std::vector<std::string> tokens;  // by id, as written; as many as the embedding has rows
    std::vector<int32_t> types;       // AFS_PIECE_*
    std::vector<std::string> merges;  // "left right"
    std::string pre;                  // GGUF's name of the pre-tokenizer
    int32_t bos = -1, eos = -1, unknown = -1, pad = -1;
    bool add_bos = false, ignore_merges = false;
};

// From tokenizer.json, or vocab.json and merges.txt; tokenizer_config.json names the roles. `pre`
// and add_bos stay open: how a tokenizer behaves says more of them than its files.
Result<Vocabulary> read_hf_vocabulary(const std::filesystem::path& folder, int64_t rows);

// UNSUPPORTED: a vocabulary that is no byte-level BPE.
Result<Vocabulary> read_gguf_vocabulary(const afs_vocabulary& from);

// The view that a tokenizer plugin loads; lives as long as the vocabulary does.
class VocabularyView {
public:
    explicit VocabularyView(const Vocabulary& vocabulary);
    const afs_vocabulary& table() const { return table_; }

private:
    std::vector<afs_text> tokens_, merges_;
    afs_vocabulary table_;
};

void add_to_metadata(const Vocabulary& vocabulary, GgufWriter& writer);

// The texts of tokenizer.json and tokenizer_config.json.
std::string tokenizer_json(const Vocabulary& vocabulary, const PreTokenizer& pre);
std::string tokenizer_config_json(const Vocabulary& vocabulary, int64_t context,
                                  const std::string* chat_template);

}  // namespace afs::convert
