// Byte-level BPE: text to ids and back.
//
// Invalid UTF-8: every byte that belongs to no valid character becomes that byte's own token, and
// the valid stretches around it are encoded each by itself. So decode(encode(x)) == x for all bytes
// x, unless the checkpoint itself adds or drops text (add_prefix_space, lstrip and rstrip of added
// tokens, splits that remove), or its vocabulary lacks bytes: then such a byte becomes the unknown
// token, and without one it is left out, as HF tokenizers does. The summary counts such bytes
// (SmolLM2 lacks 21: six control characters and those that no text has).
#pragma once
#include <memory>
#include <optional>

#include "added_tokens.hpp"
#include "afs/plugin/export.hpp"
#include "afs/tokenizer.hpp"
#include "bpe.hpp"
#include "definition.hpp"
#include "pretokenizer.hpp"

namespace afs::bpe {

class BpeTokenizer final : public Tokenizer {
public:
    static Result<std::unique_ptr<Tokenizer>> create(const OpenArgs&) {
        return std::unique_ptr<Tokenizer>(new BpeTokenizer);
    }
    int score(const afs_tokenizer_source& source) override;
    Status load(const afs_tokenizer_source& source, afs_tokenizer_info& info) override;
    Status encode(std::string_view text, uint32_t flags, std::vector<int32_t>& ids) override;
    Status decode(const int32_t* ids, size_t n_ids, uint32_t flags, std::string& bytes) override;
    Status token(int32_t id, TokenPiece& piece) override;

private:
    // All that a loaded checkpoint needs; encoder state included.
    struct Loaded {
        Definition definition;
        Pretokenizer splits, byte_level;
        AddedTokens raw, normalized;  // first and second pass
        Bpe bpe;
        Loaded(Definition from, Pretokenizer first, Pretokenizer second)
            : definition(std::move(from)),
              splits(std::move(first)),
              byte_level(std::move(second)),
              raw(definition.added, false),
              normalized(definition.added, true),
              bpe(definition) {}
    };
    Status ready() const;
    Status encode_valid(std::string_view text, bool parse_special, bool starts,
                        std::vector<int32_t>& ids);
    Status encode_plain(std::string_view text, bool prefix_space, std::vector<int32_t>& ids);

    std::unique_ptr<Loaded> loaded_;
    std::vector<Stretch> stretches_, inner_;
    std::vector<Span> pieces_, pretokens_;
    std::string spaced_;
};

}  // namespace afs::bpe
