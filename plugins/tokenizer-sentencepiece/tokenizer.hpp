// SentencePiece: text to ids and back. Ids are the library's; decoding is done here, since the
// library's own loses bytes that are no text.
//
// decode(encode(x)) == x holds for models that fall back to bytes and take text as it is (identity
// normaliser: Llama-2, Mistral, Gemma), but for U+2581, which such models read as a space. Models
// that normalise (nmt_nfkc) or have no byte pieces give back what they kept.
//
// Invalid UTF-8: with byte pieces, every byte that belongs to no valid character becomes that
// byte's own piece, and the valid stretches around it are encoded each by itself: no byte is lost.
// Without, the library reads such a byte as U+FFFD.
#pragma once
#include <memory>

#include "added_tokens.hpp"
#include "afs/plugin/export.hpp"
#include "afs/tokenizer.hpp"
#include "encoder.hpp"
#include "model.hpp"

namespace afs::spm {

// What one id decodes to.
struct Surface {
    std::string bytes;  // empty: no such id
    int32_t kind = AFS_TOKEN_NORMAL;
    bool added = false;              // found in text before any piece
    bool starts_with_blank = false;  // which may be the dummy prefix
};

class SentencePieceTokenizer final : public Tokenizer {
public:
    static Result<std::unique_ptr<Tokenizer>> create(const OpenArgs&) {
        return std::unique_ptr<Tokenizer>(new SentencePieceTokenizer);
    }
    int score(const afs_tokenizer_source& source) override;
    Status load(const afs_tokenizer_source& source, afs_tokenizer_info& info) override;
    Status encode(std::string_view text, uint32_t flags, std::vector<int32_t>& ids) override;
    Status decode(const int32_t* ids, size_t n_ids, uint32_t flags, std::string& bytes) override;
    Status token(int32_t id, TokenPiece& piece) override;

private:
    struct Loaded {
        Model model;
        Encoder encoder;
        AddedTokens added;
        std::vector<Surface> surfaces;  // by id
        std::vector<int32_t> byte_ids;  // [256], -1 without byte pieces
    };
    Status ready() const;
    Status encode_valid(std::string_view text, bool parse_special, bool starts,
                        std::vector<int32_t>& ids);

    std::unique_ptr<Loaded> loaded_;
    std::vector<Stretch> stretches_;
};

}  // namespace afs::spm
