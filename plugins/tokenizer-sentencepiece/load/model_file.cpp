// tokenizer.model: a ModelProto (sentencepiece_model.proto).
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "load/load.hpp"
#include "wire.hpp"

namespace afs::spm {
namespace {

constexpr size_t kMostBytes = size_t{32} << 20;

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
File open_file(const std::string& path) {
    return {std::fopen(path.c_str(), "rb"), &std::fclose};
}

Result<std::string> read_file(const std::string& path) {
    const auto failed = [&](int code) {
        return Status(Code::io, "cannot read '" + path + "': " + std::strerror(code), {}, code);
    };
    const File file = open_file(path);
    if (!file) return failed(errno);
    std::string bytes;
    char buffer[1 << 16];
    while (const size_t n = std::fread(buffer, 1, sizeof buffer, file.get())) {
        bytes.append(buffer, n);
        if (bytes.size() > kMostBytes)
            return invalid("cannot read '" + path +
                           "': larger than 32 MiB, no SentencePiece model");
    }
    if (std::ferror(file.get())) return failed(errno);
    return bytes;
}

Status truncated() {
    return invalid("is no sound SentencePiece model: a field ends behind its message");
}

Status read_piece(std::string_view message, Model& model) {
    WireReader reader(message);
    Piece piece;
    for (Field field; reader.next(field);) {
        if (field.number == 1) piece.text = field.bytes;
        if (field.number == 2) {
            const auto bits = static_cast<uint32_t>(field.value);
            std::memcpy(&piece.score, &bits, sizeof bits);
        }
        if (field.number == 3)
            piece.type = field.value > AFS_PIECE_BYTE ? 0 : static_cast<int32_t>(field.value);
    }
    if (reader.broken()) return truncated();
    if (model.pieces.size() > Model::kMaxId)
        return invalid("has more than " + std::to_string(Model::kMaxId + 1) + " pieces");
    model.pieces.push_back(std::move(piece));
    return {};
}

// What the trainer was asked for; names of the pieces that have a role.
struct TrainerFacts {
    uint64_t algorithm = static_cast<uint64_t>(Algorithm::unigram);
    bool whitespace_as_suffix = false;
    std::string bos = "<s>", eos = "</s>", pad = "<pad>";
};

Status read_trainer(std::string_view message, TrainerFacts& facts, Model& model) {
    WireReader reader(message);
    for (Field field; reader.next(field);) switch (field.number) {
            case 3: facts.algorithm = field.value; break;
            case 24: facts.whitespace_as_suffix = field.value != 0; break;
            case 35: model.byte_fallback = field.value != 0; break;
            case 46: facts.bos = field.bytes; break;
            case 47: facts.eos = field.bytes; break;
            case 48: facts.pad = field.bytes; break;
            default: break;
        }
    return reader.broken() ? truncated() : Status();
}

Status read_normalizer(std::string_view message, Model& model) {
    WireReader reader(message);
    for (Field field; reader.next(field);) switch (field.number) {
            case 2: model.charsmap = field.bytes; break;
            case 3: model.add_dummy_prefix = field.value != 0; break;
            case 4: model.remove_extra_whitespaces = field.value != 0; break;
            case 5: model.escape_whitespaces = field.value != 0; break;
            default: break;
        }
    return reader.broken() ? truncated() : Status();
}

Status read_message(std::string_view message, Model& model) {
    WireReader reader(message);
    TrainerFacts facts;
    for (Field field; reader.next(field);) {
        if (field.number == 1) AFS_TRY(read_piece(field.bytes, model));
        if (field.number == 2) AFS_TRY(read_trainer(field.bytes, facts, model));
        if (field.number == 3) AFS_TRY(read_normalizer(field.bytes, model));
    }
    if (reader.broken()) return truncated();
    if (facts.algorithm < 1 || facts.algorithm > 4)
        return unsupported("has model type " + std::to_string(facts.algorithm) +
                           ": expected 1 (unigram), 2 (BPE), 3 (word) or 4 (character)");
    if (facts.whitespace_as_suffix)
        return unsupported(
            "puts white space behind words (treat_whitespace_as_suffix): expected "
            "before them");
    model.algorithm = static_cast<Algorithm>(facts.algorithm);
    for (size_t id = 0; id < model.pieces.size(); ++id) {
        const Piece& piece = model.pieces[id];
        if (piece.type != AFS_PIECE_CONTROL && piece.type != AFS_PIECE_USER) continue;
        const auto role = static_cast<int32_t>(id);
        if (piece.text == facts.bos) model.bos_id = role;
        if (piece.text == facts.eos) model.eos_id = role;
        if (piece.text == facts.pad) model.pad_id = role;
    }
    return {};
}

}  // namespace

// A piece comes first: field 1 with a length, in it field 1 with a length that fits.
bool looks_like_sentencepiece(const std::string& path) {
    unsigned char head[4];
    const File file = open_file(path);
    return file && std::fread(head, 1, sizeof head, file.get()) == sizeof head && head[0] == 0x0a &&
           head[1] >= 4 && head[1] < 0x80 && head[2] == 0x0a && head[3] + 2 <= head[1];
}

Status read_model_file(const std::string& path, Model& model) {
    AFS_ASSIGN(const std::string bytes, read_file(path));
    AFS_TRY(read_message(bytes, model));
    model.adds_bos = model.bos_id >= 0;
    return {};
}

}  // namespace afs::spm
