// What each file format's loader offers. A loader fills a Definition; messages name the file.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "definition.hpp"

namespace afs::bpe {

// The files a source names: a folder's, or those beside the file it names.
struct Folder {
    std::string path;    // the folder
    std::string chosen;  // the one file asked for, else empty
    std::string file(const char* name) const { return path + "/" + name; }
};

// How well this plugin reads the source, by names and first bytes only; 0 to 100.
int score_source(const std::string& path);
Result<Definition> load_source(const std::string& path);

Result<Definition> load_tokenizer_json(const std::string& path, const Folder& folder);
Result<Definition> load_vocab_merges(const Folder& folder);
Result<Definition> load_tiktoken(const std::string& path, const Folder& folder);
// Whether a file's first line is one of tiktoken's.
bool looks_like_tiktoken(const std::string& path);
// source.vocabulary, which a weight file held.
int score_metadata(const afs_tokenizer_source& source);
Result<Definition> load_metadata(const afs_tokenizer_source& source);

// Turns merges as files have them into ids; rank is the position. Works in blocks, since look-ups
// of a large vocabulary wait for memory: texts must stay until flush.
class MergeResolver {
public:
    // The vocabulary must be complete but for added tokens; n: how many merges will come.
    MergeResolver(const Vocabulary& vocabulary, Merges& merges, size_t n);
    // INVALID names a merge whose part or result has no id, maybe one added before.
    Status add(std::string_view left, std::string_view right);
    Status flush();

private:
    struct Part {
        size_t start, size;  // in bytes_
        bool literal;
        uint64_t hash;
        int32_t id;
    };
    struct Item {
        std::string_view left, right;
        Part parts[3];  // of left, right and result
    };
    void spell(Item& item);
    Status resolve(Item& item);
    std::string_view bytes(const Part& part) const {
        return {bytes_.data() + part.start, part.size};
    }
    const Vocabulary& vocabulary_;
    Merges& merges_;
    uint32_t rank_ = 0;
    std::vector<Item> items_;
    std::string bytes_;
};

// Merges as files have them, kept until the vocabulary is complete.
class PendingMerges {
public:
    void add(const std::string& left, const std::string& right);
    Status resolve(const Vocabulary& vocabulary, Merges& merges) const;
    size_t size() const { return ends_.size() / 2; }
    std::pair<std::string_view, std::string_view> at(size_t i) const;

private:
    std::string text_;
    std::vector<size_t> ends_;  // two a merge
};

// pre_tokenizer, post_processor, decoder, normalizer of a tokenizer.json.
Status read_pipeline(const nlohmann::json& document, Definition& definition);
Status read_added_token(const nlohmann::json& entry, const std::string& where, AddedToken& token);

// tokenizer_config.json and special_tokens_map.json: added tokens, bos, eos, pad.
struct SpecialTokens {
    std::string tokenizer_class;  // without "Fast"; empty: not said
    bool add_prefix_space = false;
    int add_bos = -1, add_eos = -1;  // -1: not said
    std::vector<AddedToken> added;   // from added_tokens_decoder, by id
    std::string bos, eos, pad;       // contents; empty: none
};
Result<SpecialTokens> read_special_tokens(const Folder& folder);
// Adds the tokens the definition lacks and sets bos, eos and pad.
Status apply_special_tokens(const SpecialTokens& special, Definition& definition);

}  // namespace afs::bpe
