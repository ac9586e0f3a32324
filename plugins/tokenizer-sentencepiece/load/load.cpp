// The tokenizer of a source, whichever loader reads it.
#include "load/load.hpp"

#include <algorithm>
#include <filesystem>

#include "afs/kernels.hpp"  // put
#include "afs/utf8.hpp"
#include "tokenizer.hpp"

namespace afs::spm {
namespace {

bool ends_in(const std::string& name, const std::string& end) {
    return name.size() >= end.size() &&
           name.compare(name.size() - end.size(), end.size(), end) == 0;
}

bool is_folder(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::is_directory(path, ignored);
}

std::string file_of(const std::string& path) {
    return is_folder(path) ? path + "/tokenizer.model" : path;
}

// What an id decodes to, and what it is.
Surface surface_of(const Piece& piece, bool byte_fallback) {
    Surface out;
    switch (piece.type) {
        case AFS_PIECE_BYTE:
            out.bytes.assign(1, static_cast<char>(byte_of_piece(piece.text)));
            return out;
        case AFS_PIECE_CONTROL: out.added = true; break;
        // Without byte pieces it stands inside text, for what the vocabulary lacks.
        case AFS_PIECE_UNKNOWN: out.added = byte_fallback; break;
        case AFS_PIECE_USER: out.kind = AFS_TOKEN_ADDED; break;
        case AFS_PIECE_UNUSED: out.kind = AFS_TOKEN_UNUSED; break;
        default: break;
    }
    if (piece.type == AFS_PIECE_CONTROL || piece.type == AFS_PIECE_UNKNOWN) {
        out.kind = AFS_TOKEN_SPECIAL;
        out.bytes = piece.text;
        return out;
    }
    const std::string_view text = piece.text, blank = kBlank;
    for (size_t at = 0; at < text.size();) {
        const bool space = text.compare(at, blank.size(), blank) == 0;
        out.bytes += space ? ' ' : text[at];
        at += space ? blank.size() : 1;
    }
    out.starts_with_blank = out.bytes[0] == ' ';
    return out;
}

std::vector<Surface> surfaces_of(const Model& model) {
    std::vector<Surface> out;
    out.reserve(model.pieces.size() + model.added.size());
    for (const Piece& piece : model.pieces) out.push_back(surface_of(piece, model.byte_fallback));
    for (const AddedToken& token : model.added) {
        const auto id = static_cast<size_t>(token.id);
        if (id < model.pieces.size() && model.pieces[id].type == AFS_PIECE_UNKNOWN) continue;
        if (id >= out.size()) {
            Surface hole;
            hole.kind = AFS_TOKEN_UNUSED;
            out.resize(id + 1, hole);
        }
        out[id].bytes = token.content;
        out[id].kind = token.special ? AFS_TOKEN_SPECIAL : AFS_TOKEN_ADDED;
        out[id].added = true;
    }
    return out;
}

const char* name_of(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::unigram: return "unigram";
        case Algorithm::bpe: return "BPE";
        case Algorithm::word: return "words";
        case Algorithm::character: return "characters";
    }
    return "";
}

}  // namespace

int score_source(const std::string& path) {
    if (!looks_like_sentencepiece(file_of(path))) return 0;
    return is_folder(path) ? 80 : ends_in(path, ".model") ? 90 : 60;
}

Result<Model> load_source(const std::string& path) {
    const std::string file = file_of(path);
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return not_found("'" + file + "' does not exist");
    if (!looks_like_sentencepiece(file))
        return invalid("'" + file + "' is no SentencePiece model: its first bytes are no piece");
    Model model;
    model.origin = std::filesystem::path(file).filename().string();
    model.file = file;
    const auto read = [&]() -> Status {
        AFS_TRY(read_model_file(file, model));
        return check(model);
    };
    if (const Status status = read(); !status)
        return status.code() == Code::io ? status : status.context("'" + file + "'");
    const std::string folder = std::filesystem::path(file).parent_path().string();
    AFS_TRY(read_hf_files(folder.empty() ? "." : folder, model));
    return model;
}

Status add_token(const AddedToken& token, Model& model) {
    const std::string name = "added token " + in_quotes(token.content);
    if (token.content.empty())
        return invalid("added token with id " + std::to_string(token.id) + " is empty");
    const auto [same_text, is_new] = model.ids.emplace(token.content, token.id);
    if (same_text->second != token.id)
        return invalid(name + " has ids " + std::to_string(same_text->second) + " and " +
                       std::to_string(token.id));
    const auto id = static_cast<size_t>(token.id);
    const auto at = model.added_at.find(token.id);
    if (is_new && (id < model.pieces.size() || at != model.added_at.end()))
        return invalid(name + " has id " + std::to_string(token.id) + ", which belongs to " +
                       in_quotes(id < model.pieces.size() ? model.pieces[id].text
                                                          : model.added[at->second].content));
    if (at != model.added_at.end()) {
        const bool special = model.added[at->second].special || token.special;
        model.added[at->second] = token;
        model.added[at->second].special = special;
        return {};
    }
    // User-defined pieces are found by the library itself.
    if (id < model.pieces.size() && model.pieces[id].type == AFS_PIECE_USER && !token.special)
        return {};
    model.added_at.emplace(token.id, model.added.size());
    model.added.push_back(token);
    return {};
}

int SentencePieceTokenizer::score(const afs_tokenizer_source& source) {
    if (source.vocabulary) return score_metadata(source);
    return source.path ? score_source(source.path) : 0;
}

Status SentencePieceTokenizer::load(const afs_tokenizer_source& source, afs_tokenizer_info& info) {
    if (!source.path && !source.vocabulary)
        return invalid("no path: expected a checkpoint's folder or a file");
    AFS_ASSIGN(Model model, source.vocabulary ? load_metadata(source) : load_source(source.path));
    auto encoder = Encoder::make(model);
    if (!encoder.ok()) return encoder.status().context("'" + model.file + "'");
    auto surfaces = surfaces_of(model);
    std::vector<int32_t> byte_ids(256, -1);
    for (size_t id = 0; id < model.pieces.size(); ++id)
        if (model.pieces[id].type == AFS_PIECE_BYTE)
            byte_ids[static_cast<size_t>(byte_of_piece(model.pieces[id].text))] =
                static_cast<int32_t>(id);
    AddedTokens added(model.added);
    info.n_vocab = static_cast<uint32_t>(surfaces.size());
    info.bos_id = model.bos_id;
    info.eos_id = model.eos_id;
    info.pad_id = model.pad_id;
    info.adds_bos = model.adds_bos ? 1 : 0;
    put(info.summary, std::string("SentencePiece ") + name_of(model.algorithm) + ", " +
                          std::to_string(surfaces.size()) + " ids" +
                          (model.byte_fallback ? ", byte fallback" : "") + ", from " +
                          model.origin);
    loaded_ =
        std::make_unique<Loaded>(Loaded{std::move(model), std::move(*encoder), std::move(added),
                                        std::move(surfaces), std::move(byte_ids)});
    return {};
}

}  // namespace afs::spm
