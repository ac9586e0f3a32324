// A vocabulary that lay among a weight file's metadata (GGUF): the pieces and scores of a
// SentencePiece BPE model, without its trainer and normaliser.
#include "afs/kernels.hpp"  // read
#include "afs/utf8.hpp"
#include "load/load.hpp"

namespace afs::spm {
namespace {

std::string text_of(const afs_text& text) {
    return text.data ? std::string(text.data, static_cast<size_t>(text.size)) : std::string();
}

Status check_shape(const afs_vocabulary& from) {
    const std::string model = from.model ? from.model : "";
    if (model != "llama")
        return unsupported("tokenizer.ggml.model is " + in_quotes(model) +
                           ": expected llama (SentencePiece BPE)");
    if (from.n_tokens == 0 || !from.tokens)
        return invalid("empty vocabulary: tokenizer.ggml.tokens");
    if (from.n_tokens - 1 > Model::kMaxId)
        return invalid("tokenizer.ggml.tokens has " + std::to_string(from.n_tokens) +
                       " entries: expected at most " + std::to_string(Model::kMaxId + 1));
    if (!from.scores)
        return invalid("tokenizer.ggml.scores is missing: SentencePiece BPE merges by score");
    return {};
}

// A role's id; where the file says nothing, Llama's, if there is a piece that can be meant.
Status read_role(const char* key, int32_t said, int32_t otherwise, const Model& model,
                 int32_t& out) {
    const auto n = static_cast<int32_t>(model.pieces.size());
    if (said != -1 && (said < 0 || said >= n))
        return invalid(std::string("tokenizer.ggml.") + key + " is " + std::to_string(said) +
                       ": the vocabulary has " + std::to_string(n) + " tokens");
    out = said;
    if (said == -1 && otherwise >= 0 && otherwise < n &&
        model.pieces[static_cast<size_t>(otherwise)].type == AFS_PIECE_CONTROL)
        out = otherwise;
    return {};
}

// AFS_PIECE_* of one token. A file without types has byte pieces by their names, special tokens by
// their roles.
int32_t type_of(const afs_vocabulary& from, uint32_t id, const std::string& text) {
    if (from.types) return from.types[id];
    const auto is = [&](int32_t said, uint32_t otherwise) {
        return said == -1 ? id == otherwise : said >= 0 && static_cast<uint32_t>(said) == id;
    };
    if (is(from.unknown_id, 0)) return AFS_PIECE_UNKNOWN;
    if (is(from.bos_id, 1) || is(from.eos_id, 2)) return AFS_PIECE_CONTROL;
    return byte_of_piece(text) >= 0 ? AFS_PIECE_BYTE : AFS_PIECE_NORMAL;
}

void read_pieces(const afs_vocabulary& from, Model& model) {
    bool unknown = false;
    model.pieces.resize(from.n_tokens);
    for (uint32_t id = 0; id < from.n_tokens; ++id) {
        Piece& piece = model.pieces[id];
        piece.text = text_of(from.tokens[id]);
        piece.score = from.scores[id];
        piece.type = type_of(from, id, piece.text);
        unknown = unknown || piece.type == AFS_PIECE_UNKNOWN;
        model.byte_fallback = model.byte_fallback || piece.type == AFS_PIECE_BYTE;
    }
    // Some converters call the unknown piece a control token.
    const auto role = static_cast<size_t>(from.unknown_id == -1 ? 0 : from.unknown_id);
    if (!unknown && role < model.pieces.size() && model.pieces[role].type == AFS_PIECE_CONTROL)
        model.pieces[role].type = AFS_PIECE_UNKNOWN;
}

Status fill(const afs_vocabulary& from, Model& model) {
    AFS_TRY(check_shape(from));
    read_pieces(from, model);
    model.algorithm = Algorithm::bpe;
    model.add_dummy_prefix = from.add_space_prefix != 0;
    model.remove_extra_whitespaces = from.remove_extra_whitespaces > 0;
    AFS_TRY(check(model));
    AFS_TRY(read_role("bos_token_id", from.bos_id, 1, model, model.bos_id));
    AFS_TRY(read_role("eos_token_id", from.eos_id, 2, model, model.eos_id));
    AFS_TRY(read_role("padding_token_id", from.pad_id, -1, model, model.pad_id));
    int32_t unknown = -1;  // by its type, whatever the file says of its id
    AFS_TRY(read_role("unknown_token_id", from.unknown_id, -1, model, unknown));
    if (from.add_bos > 0 && model.bos_id < 0)
        return invalid("a BOS token is to be added, but tokenizer.ggml.bos_token_id is missing");
    if (from.add_eos > 0 && model.eos_id < 0)
        return invalid("an EOS token is to be added, but tokenizer.ggml.eos_token_id is missing");
    model.adds_bos = from.add_bos != 0 && model.bos_id >= 0;
    model.adds_eos = from.add_eos > 0;
    return {};
}

}  // namespace

int score_metadata(const afs_tokenizer_source& source) {
    const afs_vocabulary vocabulary = read<afs_vocabulary>(source.vocabulary);
    return vocabulary.model && std::string_view(vocabulary.model) == "llama" ? 100 : 0;
}

Result<Model> load_metadata(const afs_tokenizer_source& source) {
    Model model;
    model.origin = "GGUF metadata";
    model.file = source.path ? source.path : "the weight file";
    const Status status = fill(read<afs_vocabulary>(source.vocabulary), model);
    if (!status) return status.context("'" + model.file + "'");
    return model;
}

}  // namespace afs::spm
