#include "model.hpp"

#include <cmath>
#include <string_view>

#include "afs/utf8.hpp"
#include "wire.hpp"

namespace afs::spm {
namespace {

constexpr size_t kLongestPiece = 4096;

Status check_piece(const Piece& piece, int32_t id) {
    const auto refuse = [&](const std::string& what) {
        return invalid("piece " + std::to_string(id) + " " + what);
    };
    if (piece.text.empty()) return refuse("is empty");
    if (utf8_valid_until(piece.text, 0) != piece.text.size() ||
        piece.text.find('\0') != std::string::npos)
        return refuse(in_quotes(piece.text) + " is no text: expected UTF-8 without NUL");
    if (piece.text.size() > kLongestPiece)
        return refuse("has " + std::to_string(piece.text.size()) + " bytes: expected at most " +
                      std::to_string(kLongestPiece));
    if (piece.type < AFS_PIECE_NORMAL || piece.type > AFS_PIECE_BYTE)
        return refuse(in_quotes(piece.text) + " has type " + std::to_string(piece.type) +
                      ": expected 1 (normal) to 6 (byte)");
    if (!std::isfinite(piece.score))
        return refuse(in_quotes(piece.text) + " has a score that is no finite number");
    if (piece.type == AFS_PIECE_BYTE && byte_of_piece(piece.text) < 0)
        return refuse(in_quotes(piece.text) + " is a byte: expected a name as <0x0A>");
    return {};
}

// User-defined pieces that begin alike: the library has room for 64 matches at one place.
Status check_nesting(const Model& model) {
    for (const Piece& piece : model.pieces) {
        if (piece.type != AFS_PIECE_USER) continue;
        size_t matches = 1;
        for (size_t size = 1; size < piece.text.size(); ++size) {
            const auto inner = model.ids.find(piece.text.substr(0, size));
            if (inner != model.ids.end() &&
                model.pieces[static_cast<size_t>(inner->second)].type == AFS_PIECE_USER)
                ++matches;
        }
        if (matches > 64)
            return invalid("more than 64 user-defined pieces begin as " + in_quotes(piece.text));
    }
    return {};
}

}  // namespace

int byte_of_piece(const std::string& text) {
    const auto digit = [](char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    };
    if (text.size() != 6 || text.compare(0, 3, "<0x") != 0 || text[5] != '>') return -1;
    const int high = digit(text[3]), low = digit(text[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

Status check(Model& model) {
    if (model.pieces.empty()) return invalid("empty vocabulary");
    if (model.pieces.size() - 1 > Model::kMaxId)
        return invalid("has " + std::to_string(model.pieces.size()) + " pieces: expected at most " +
                       std::to_string(Model::kMaxId + 1));
    model.ids.reserve(model.pieces.size());
    model.unknown_id = -1;
    size_t bytes = 0;
    for (size_t index = 0; index < model.pieces.size(); ++index) {
        const Piece& piece = model.pieces[index];
        const auto id = static_cast<int32_t>(index);
        AFS_TRY(check_piece(piece, id));
        const auto [known, is_new] = model.ids.emplace(piece.text, id);
        if (!is_new)
            return invalid("piece " + in_quotes(piece.text) + " comes twice, with ids " +
                           std::to_string(known->second) + " and " + std::to_string(id));
        if (piece.type == AFS_PIECE_BYTE) ++bytes;
        if (piece.type == AFS_PIECE_CONTROL || piece.type == AFS_PIECE_UNKNOWN) {
            model.added_at.emplace(id, model.added.size());
            model.added.push_back({piece.text, id, true, false, false});
        }
        if (piece.type != AFS_PIECE_UNKNOWN) continue;
        if (model.unknown_id >= 0)
            return invalid("pieces " + std::to_string(model.unknown_id) + " and " +
                           std::to_string(id) + " are both the unknown piece: expected one");
        model.unknown_id = id;
    }
    if (model.unknown_id < 0) return invalid("no piece has type 2 (unknown): expected one");
    if (bytes != (model.byte_fallback ? 256 : 0))
        return invalid("has " + std::to_string(bytes) + " byte pieces: expected " +
                       (model.byte_fallback ? "256, since it falls back to bytes"
                                            : "none, since it does not fall back to bytes"));
    AFS_TRY(check_nesting(model));
    return check_charsmap(model.charsmap);
}

// Field numbers: sentencepiece_model.proto.
std::string serialize(const Model& model, bool dummy_prefix) {
    std::string out, part;
    for (const Piece& piece : model.pieces) {
        part.clear();
        put_bytes(part, 1, piece.text);
        put_float(part, 2, piece.score);
        put_varint(part, 3, static_cast<uint64_t>(piece.type));
        put_bytes(out, 1, part);
    }
    part.clear();
    put_varint(part, 3, static_cast<uint64_t>(model.algorithm));
    put_varint(part, 35, model.byte_fallback);
    put_bytes(part, 45, model.pieces[static_cast<size_t>(model.unknown_id)].text);
    put_bytes(out, 2, part);
    part.clear();
    put_bytes(part, 2, model.charsmap);
    put_varint(part, 3, dummy_prefix);
    put_varint(part, 4, model.remove_extra_whitespaces);
    put_varint(part, 5, model.escape_whitespaces);
    put_bytes(out, 3, part);
    return out;
}

}  // namespace afs::spm
