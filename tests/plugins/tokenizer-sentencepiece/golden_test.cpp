// Ids equal the library's own, line by line, on awkward text (tools/goldens/sentencepiece_golden.py
// with a later version of it); what decoding gives back.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "support.hpp"

using namespace tokenizer_test;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

void compare(Plugin& plugin, const std::string& name, bool lossless) {
    const auto texts = golden_texts();
    const auto wanted = lines_of(golden("sentencepiece/" + name + ".ids"));
    REQUIRE(texts.size() == wanted.size());
    REQUIRE(texts.size() > 300);
    for (size_t i = 0; i < texts.size(); ++i) {
        INFO(name << " line " << i + 1 << ": " << texts[i].substr(0, 200));
        const Ids ids = plugin.encode(texts[i]);
        CHECK(written(ids) == wanted[i]);
        if (lossless && texts[i].find("\u2581") == std::string::npos)
            CHECK(plugin.decode(ids) == texts[i]);
    }
}

}  // namespace

TEST_CASE("BPE with byte fallback: the library's ids, and the text again") {
    Plugin plugin;
    REQUIRE(plugin.load(golden_path("sentencepiece/bpe.model")) == AFS_OK);
    CHECK(std::string(plugin.info().summary) ==
          "SentencePiece BPE, 700 ids, byte fallback, from bpe.model");
    CHECK(plugin.info().pad_id == 3);
    compare(plugin, "bpe", true);
}

TEST_CASE("unigram with a normaliser: the library's ids") {
    Plugin plugin;
    REQUIRE(plugin.load(golden_path("sentencepiece/unigram.model")) == AFS_OK);
    CHECK(std::string(plugin.info().summary) ==
          "SentencePiece unigram, 600 ids, from unigram.model");
    compare(plugin, "unigram", false);
    CHECK(plugin.decode(plugin.encode("  if \t x\u00a0y\u3000= 1\u00b2\u2026  ")) ==
          "if x y = 12...");  // what the normaliser leaves
}

TEST_CASE("U+2581 in the text is read as a space") {
    Plugin plugin;
    REQUIRE(plugin.load(golden_path("sentencepiece/bpe.model")) == AFS_OK);
    CHECK(plugin.encode("if\u2581x") == plugin.encode("if x"));
    CHECK(plugin.decode(plugin.encode("if\u2581x")) == "if x");
}
