// Ids equal those of HF tokenizers, line by line, on awkward text
// (tools/goldens/tokenizers_golden.py).
#include <catch2/catch.hpp>
#include <cstdlib>
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

// A line of inputs.jsonl: text, or [[piece, times], …].
std::string text_of(const std::string& line) {
    const nlohmann::json held = nlohmann::json::parse(line);
    if (held.is_string()) return held.get<std::string>();
    std::string text;
    for (const auto& run : held)
        for (int i = 0; i < run[1].get<int>(); ++i) text += run[0].get<std::string>();
    return text;
}

// As the golden file writes them: "7*3 9", or "#N H" where that is 2000 characters or longer.
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

void compare(const std::string& family) {
    Plugin plugin;
    REQUIRE(plugin.load(golden_path(family + ".json")) == AFS_OK);
    const auto inputs = lines_of(golden("inputs.jsonl"));
    const auto wanted = lines_of(golden(family + ".ids"));
    REQUIRE(inputs.size() == wanted.size());
    REQUIRE(inputs.size() > 300);
    for (size_t i = 0; i < inputs.size(); ++i) {
        const size_t bar = wanted[i].find(" | ");
        REQUIRE(bar != std::string::npos);
        const std::string parsed = wanted[i].substr(0, bar);
        const std::string rest = wanted[i].substr(bar + 3);
        const std::string text = text_of(inputs[i]);
        INFO(family << " line " << i + 1 << ": " << inputs[i]);
        CHECK(written(plugin.encode(text, AFS_ENCODE_ADD_SPECIAL | AFS_ENCODE_PARSE_SPECIAL)) ==
              parsed);
        CHECK(written(plugin.encode(text, AFS_ENCODE_ADD_SPECIAL)) ==
              (rest == "=" ? parsed : rest));
    }
}

}  // namespace

TEST_CASE("ids equal HF's: Split Removed inverted, as dolma2") {
    compare("removed");
}
TEST_CASE("ids equal HF's: Split Isolated, ignore_merges, template, as Llama-3") {
    compare("isolated");
}
TEST_CASE("ids equal HF's: ByteLevel with GPT-2's expression") {
    compare("gpt2");
}
TEST_CASE("ids equal HF's: Digits, merging splits, prefix space, suffix") {
    compare("digits");
}
