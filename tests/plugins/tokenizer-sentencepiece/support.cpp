#include "support.hpp"

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace tokenizer_test {
namespace {

void varint(std::string& to, uint64_t value) {
    for (; value > 127; value >>= 7) to += static_cast<char>(value | 128);
    to += static_cast<char>(value);
}
void number(std::string& to, uint32_t field, uint64_t value) {
    varint(to, field << 3);
    varint(to, value);
}
void message(std::string& to, uint32_t field, const std::string& bytes) {
    varint(to, field << 3 | 2);
    varint(to, bytes.size());
    to += bytes;
}

}  // namespace

std::string ModelFile::bytes() const {
    std::string out;
    for (const Piece& piece : pieces) {
        std::string part;
        message(part, 1, piece.text);
        varint(part, 2 << 3 | 5);
        part.append(reinterpret_cast<const char*>(&piece.score), 4);
        number(part, 3, static_cast<uint64_t>(piece.type));
        message(out, 1, part);
    }
    std::string trainer, normalizer;
    number(trainer, 3, model_type);
    number(trainer, 24, whitespace_as_suffix);
    number(trainer, 35, byte_fallback);
    message(out, 2, trainer);
    message(normalizer, 2, charsmap);
    number(normalizer, 3, add_dummy_prefix);
    number(normalizer, 4, remove_extra_whitespaces);
    message(out, 3, normalizer);
    return out;
}

ModelFile small_model() {
    ModelFile model;
    model.pieces = {{"<unk>", 0, AFS_PIECE_UNKNOWN},
                    {"<s>", 0, AFS_PIECE_CONTROL},
                    {"</s>", 0, AFS_PIECE_CONTROL}};
    for (unsigned byte = 0; byte < 256; ++byte) {
        char name[8];
        std::snprintf(name, sizeof name, "<0x%02X>", byte);
        model.pieces.push_back({name, 0, AFS_PIECE_BYTE});
    }
    for (const char* text : {"\u2581", "a", "b", "\u2581a", "ab", "\u2581ab"})
        model.pieces.push_back({text, -static_cast<float>(model.pieces.size()), AFS_PIECE_NORMAL});
    model.pieces.push_back({"<sep>", 0, AFS_PIECE_USER});
    return model;
}

VocabularyData small_vocabulary() {
    VocabularyData data;
    data.model = "llama";
    for (const ModelFile::Piece& piece : small_model().pieces)
        data.add(piece.text, piece.type, piece.score);
    return data;
}

std::string golden_path(const std::string& path) {
    return AFS_SOURCE_DIR "/tests/golden/" + path;
}

std::string golden(const std::string& path) {
    std::ifstream file(golden_path(path), std::ios::binary);
    REQUIRE(file.good());
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<std::string> golden_texts() {
    std::vector<std::string> texts;
    std::istringstream lines(golden("tokenizer/inputs.jsonl"));
    for (std::string line; std::getline(lines, line);) {
        const auto held = nlohmann::json::parse(line);
        texts.emplace_back();
        if (held.is_string()) {
            texts.back() = held.get<std::string>();
            continue;
        }
        for (const auto& run : held)
            for (int i = 0; i < run[1].get<int>(); ++i) texts.back() += run[0].get<std::string>();
    }
    return texts;
}

std::string written(const Ids& ids) {
    std::string text;
    for (size_t i = 0; i < ids.size();) {
        size_t end = i;
        while (end < ids.size() && ids[end] == ids[i]) ++end;
        text += (text.empty() ? "" : " ") + std::to_string(ids[i]);
        if (end - i > 1) text += "*" + std::to_string(end - i);
        i = end;
    }
    if (text.size() < 2000) return text;
    uint64_t hash = 0xcbf29ce484222325ull;
    for (const int32_t id : ids) hash = (hash ^ static_cast<uint32_t>(id)) * 0x100000001b3ull;
    std::ostringstream out;
    out << '#' << ids.size() << ' ' << std::hex << hash;
    return out.str();
}

}  // namespace tokenizer_test
