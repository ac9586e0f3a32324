// Ids to bytes, kinds of ids, ids that do not exist, and what `score` says of files.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace tokenizer_test;
using nlohmann::json;

namespace {

// Ids 0 to 263, a hole at 264 and 265, 266 "\u00e9x" added.
json with_hole() {
    json document = small_tokenizer();
    document["added_tokens"].push_back({{"id", 266}, {"content", "\u00e9x"}});
    return document;
}

}  // namespace

TEST_CASE("decoding: bytes, added tokens as they are, special ones skipped when asked") {
    Plugin plugin;
    const TempFolder folder;
    folder.write("tokenizer.json", with_hole().dump());
    REQUIRE(plugin.load(folder.path()) == AFS_OK);
    CHECK(plugin.info().n_vocab == 267);
    CHECK(plugin.decode({259, 260, 0xc3}) == "hello w\xc3");
    CHECK(plugin.decode({261, 'a', 263, 262}) == "<s>a<x></s>");
    CHECK(plugin.decode({261, 'a', 263, 262}, AFS_DECODE_SKIP_SPECIAL) == "a<x>");
    CHECK(plugin.decode({266}) == "\u00e9x");  // not the byte E9
    CHECK(plugin.decode({}).empty());
}

TEST_CASE("each id has a kind") {
    Plugin plugin;
    const TempFolder folder;
    folder.write("tokenizer.json", with_hole().dump());
    REQUIRE(plugin.load(folder.path()) == AFS_OK);
    const auto kind_of = [&](int32_t id, const std::string& want) {
        int32_t kind = -1;
        std::string bytes;
        REQUIRE(plugin.try_token(id, kind, bytes) == AFS_OK);
        CHECK(bytes == want);
        return kind;
    };
    CHECK(kind_of(0, std::string(1, '\0')) == AFS_TOKEN_NORMAL);
    CHECK(kind_of(260, " w") == AFS_TOKEN_NORMAL);
    CHECK(kind_of(261, "<s>") == AFS_TOKEN_SPECIAL);
    CHECK(kind_of(263, "<x>") == AFS_TOKEN_ADDED);
    CHECK(kind_of(265, "") == AFS_TOKEN_UNUSED);
}

TEST_CASE("ids that do not exist are refused by name and size") {
    Plugin plugin;
    const TempFolder folder;
    folder.write("tokenizer.json", with_hole().dump());
    REQUIRE(plugin.load(folder.path()) == AFS_OK);
    std::string bytes;
    int32_t kind = 0;
    CHECK(plugin.try_decode({'a', 267}, 0, bytes) == AFS_E_INVALID);
    CHECK(plugin.message() == "id 267 is outside the vocabulary: expected 0 to 266 (267 ids)");
    CHECK(plugin.try_decode({-1}, 0, bytes) == AFS_E_INVALID);
    CHECK(plugin.try_decode({264}, 0, bytes) == AFS_E_INVALID);
    CHECK(plugin.message() == "id 264 is a hole in the vocabulary of 267 ids");
    CHECK(plugin.try_token(267, kind, bytes) == AFS_E_INVALID);
    CHECK(plugin.try_token(-2147483647, kind, bytes) == AFS_E_INVALID);
    CHECK(plugin.try_decode({0}, 2, bytes) == AFS_E_INVALID);
}

TEST_CASE("score looks at names and first bytes") {
    Plugin plugin;
    const TempFolder folder;
    CHECK(plugin.score(folder.path()) == 0);
    CHECK(plugin.score(folder.path() / "none") == 0);
    folder.write("vocab.json", " {");
    CHECK(plugin.score(folder.path()) == 0);
    folder.write("merges.txt", "");
    const int32_t pair = plugin.score(folder.path());
    CHECK(pair > 0);
    CHECK(plugin.score(folder.path() / "merges.txt") == pair);
    folder.write("tokenizer.json", "not json");
    CHECK(plugin.score(folder.path()) == pair);
    const std::string path = folder.write("tokenizer.json", "\n{\"model\"");
    CHECK(plugin.score(folder.path()) > pair);
    CHECK(plugin.score(path) > pair);
    CHECK(plugin.score(folder.write("weights.bin", "\x08\x00")) == 0);
}
