#include "support.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

namespace tokenizer_test {

std::string letter_of(int byte) {
    int c = byte, next = 0x100;
    const auto printable = [](int b) {
        return (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
    };
    for (int b = 0; b <= byte; ++b)
        if (!printable(b)) c = b == byte ? next : c, ++next;
    if (c < 0x80) return std::string(1, static_cast<char>(c));
    return {static_cast<char>(0xc0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3f))};
}

nlohmann::json small_tokenizer() {
    nlohmann::json vocab = nlohmann::json::object(), merges = nlohmann::json::array();
    for (int byte = 0; byte < 256; ++byte) vocab[letter_of(byte)] = byte;
    const std::vector<std::pair<std::string, std::string>> pairs = {
        {"h", "e"}, {"l", "l"}, {"he", "ll"}, {"hell", "o"}, {"\u0120", "w"}};
    for (const auto& [left, right] : pairs) {
        merges.push_back(left + " " + right);
        vocab[left + right] = 255 + merges.size();
    }
    const auto added = [](int id, const char* content, bool special) {
        return nlohmann::json{{"id", id},          {"content", content}, {"single_word", false},
                              {"lstrip", false},   {"rstrip", false},    {"normalized", false},
                              {"special", special}};
    };
    return {{"version", "1.0"},
            {"truncation", nullptr},
            {"padding", nullptr},
            {"added_tokens",
             {added(261, "<s>", true), added(262, "</s>", true), added(263, "<x>", false)}},
            {"normalizer", nullptr},
            {"pre_tokenizer",
             {{"type", "ByteLevel"},
              {"add_prefix_space", false},
              {"trim_offsets", true},
              {"use_regex", true}}},
            {"post_processor", nullptr},
            {"decoder", {{"type", "ByteLevel"}}},
            {"model",
             {{"type", "BPE"},
              {"dropout", nullptr},
              {"unk_token", nullptr},
              {"continuing_subword_prefix", ""},
              {"end_of_word_suffix", nullptr},
              {"fuse_unk", false},
              {"byte_fallback", false},
              {"ignore_merges", false},
              {"vocab", vocab},
              {"merges", merges}}}};
}

std::string golden_path(const std::string& name) {
    return std::string(AFS_SOURCE_DIR "/tests/golden/tokenizer/") + name;
}

std::string golden(const std::string& name) {
    std::ifstream file(golden_path(name), std::ios::binary);
    REQUIRE(file.good());
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace tokenizer_test
