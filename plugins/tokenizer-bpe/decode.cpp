#include "tokenizer.hpp"

namespace afs::bpe {
namespace {

Status no_such_id(int64_t id, const Vocabulary& vocabulary) {
    const std::string size = std::to_string(vocabulary.size());
    if (id >= 0 && id < static_cast<int64_t>(vocabulary.size()))
        return invalid("id " + std::to_string(id) + " is a hole in the vocabulary of " + size +
                       " ids");
    return invalid("id " + std::to_string(id) + " is outside the vocabulary: expected 0 to " +
                   std::to_string(static_cast<int64_t>(vocabulary.size()) - 1) + " (" + size +
                   " ids)");
}

}  // namespace

Status BpeTokenizer::decode(const int32_t* ids, size_t n_ids, uint32_t flags, std::string& bytes) {
    AFS_TRY(ready());
    if (flags & ~static_cast<uint32_t>(AFS_DECODE_SKIP_SPECIAL))
        return invalid("unknown decode flags " + std::to_string(flags));
    const Vocabulary& vocabulary = loaded_->definition.vocabulary;
    bytes.clear();
    for (size_t i = 0; i < n_ids; ++i) {
        if (!vocabulary.holds(ids[i])) return no_such_id(ids[i], vocabulary);
        if ((flags & AFS_DECODE_SKIP_SPECIAL) && vocabulary.kind(ids[i]) == AFS_TOKEN_SPECIAL)
            continue;
        bytes += vocabulary.bytes(ids[i]);
    }
    return {};
}

// A hole inside the vocabulary is UNUSED and empty; outside it is an error.
Status BpeTokenizer::token(int32_t id, TokenPiece& piece) {
    AFS_TRY(ready());
    const Vocabulary& vocabulary = loaded_->definition.vocabulary;
    if (id < 0 || id >= static_cast<int64_t>(vocabulary.size())) return no_such_id(id, vocabulary);
    piece.kind = vocabulary.kind(id);
    if (piece.kind == AFS_TOKEN_UNUSED)
        piece.bytes.clear();
    else
        piece.bytes = vocabulary.bytes(id);
    return {};
}

}  // namespace afs::bpe
