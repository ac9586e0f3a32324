#include "tokenizer.hpp"

namespace afs::spm {
namespace {

Status no_such_id(int64_t id, const std::vector<Surface>& pieces) {
    const std::string size = std::to_string(pieces.size());
    if (id >= 0 && id < static_cast<int64_t>(pieces.size()))
        return invalid("id " + std::to_string(id) + " is a hole in the vocabulary of " + size +
                       " ids");
    return invalid("id " + std::to_string(id) + " is outside the vocabulary: expected 0 to " +
                   std::to_string(static_cast<int64_t>(pieces.size()) - 1) + " (" + size + " ids)");
}

}  // namespace

// The dummy prefix that encode put before a text, at the start and behind added tokens, goes again.
Status SentencePieceTokenizer::decode(const int32_t* ids, size_t n_ids, uint32_t flags,
                                      std::string& bytes) {
    AFS_TRY(ready());
    if (flags & ~static_cast<uint32_t>(AFS_DECODE_SKIP_SPECIAL))
        return invalid("unknown decode flags " + std::to_string(flags));
    const Model& model = loaded_->model;
    const std::vector<Surface>& pieces = loaded_->surfaces;
    bytes.clear();
    bool begins = model.add_dummy_prefix;
    for (size_t i = 0; i < n_ids; ++i) {
        const int32_t id = ids[i];
        if (id < 0 || id >= static_cast<int64_t>(pieces.size())) return no_such_id(id, pieces);
        const Surface& piece = pieces[static_cast<size_t>(id)];
        if (piece.bytes.empty()) return no_such_id(id, pieces);
        if (piece.added) {
            if (!(flags & AFS_DECODE_SKIP_SPECIAL) || piece.kind != AFS_TOKEN_SPECIAL)
                bytes += piece.bytes;
            begins = model.add_dummy_prefix && (model.prefix_after_added || begins);
            continue;
        }
        bytes.append(piece.bytes, begins && piece.starts_with_blank ? 1 : 0);
        begins = false;
    }
    return {};
}

// A hole inside the vocabulary is UNUSED and empty; outside it is an error.
Status SentencePieceTokenizer::token(int32_t id, TokenPiece& piece) {
    AFS_TRY(ready());
    if (id < 0 || id >= static_cast<int64_t>(loaded_->surfaces.size()))
        return no_such_id(id, loaded_->surfaces);
    const Surface& surface = loaded_->surfaces[static_cast<size_t>(id)];
    piece.kind = surface.kind;
    piece.bytes = surface.bytes;
    return {};
}

}  // namespace afs::spm
