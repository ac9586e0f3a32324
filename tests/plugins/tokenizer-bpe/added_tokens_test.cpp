// Added tokens inside text: longest match, stripping, single words, the two passes.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace tokenizer_test;
using nlohmann::json;

namespace {

json with_tokens(const std::vector<json>& tokens) {
    json document = small_tokenizer();
    int id = 264;
    for (json token : tokens) {
        token["id"] = id++;
        document["added_tokens"].push_back(token);
    }
    return document;
}

}  // namespace

TEST_CASE("added tokens are found as HF finds them") {
    struct Case {
        const char* title;
        std::vector<json> tokens;  // ids from 264
        const char* text;
        Ids want;
    };
    const Case cases[] = {
        {"the longest wins",
         {{{"content", "<a"}}, {{"content", "<ab"}}, {{"content", "<abcd"}}},
         "<abc<a",
         {265, 'c', 264}},
        {"the leftmost wins", {{{"content", "bcd"}}, {{"content", "ab"}}}, "abcd", {265, 'c', 'd'}},
        {"lstrip takes the space before",
         {{{"content", "[L]"}, {"lstrip", true}}},
         "a \xe3\x80\x80[L] b",
         {'a', 264, ' ', 'b'}},
        {"rstrip takes the space behind",
         {{{"content", "[R]"}, {"rstrip", true}}},
         "a [R] \n b",
         {'a', ' ', 264, 'b'}},
        {"what one stripped the next cannot",
         {{{"content", "[B]"}, {"lstrip", true}, {"rstrip", true}}},
         " [B]  [B] ",
         {264, 264}},
        {"a single word stands alone",
         {{{"content", "qu"}, {"single_word", true}}},
         "qu squ qu_ \xc3\xa9qu-qu",
         {264, ' ', 's', 'q', 'u', ' ', 'q', 'u', '_', ' ', 0xc3, 0xa9, 'q', 'u', '-', 264}},
        {"normalized tokens come in the second pass",
         {{{"content", "ab"}, {"normalized", true}}, {{"content", "bc"}, {"normalized", false}}},
         "abc ab",
         {'a', 265, ' ', 264}},
        {"characters outside the byte-level alphabet",
         {{{"content", "\xef\xbd\x9c x"}, {"special", true}}},
         "y\xef\xbd\x9c x",
         {'y', 264}},
    };
    for (const Case& c : cases) {
        DYNAMIC_SECTION(c.title) {
            Plugin plugin;
            const TempFolder folder;
            folder.write("tokenizer.json", with_tokens(c.tokens).dump());
            const afs_status status = plugin.load(folder.path());
            INFO(plugin.message());
            REQUIRE(status == AFS_OK);
            CHECK(plugin.encode(c.text, AFS_ENCODE_PARSE_SPECIAL) == c.want);
        }
    }
}

TEST_CASE("a special token that is not parsed hides what it overlaps") {
    Plugin plugin;
    const TempFolder folder;
    folder.write("tokenizer.json",
                 with_tokens({{{"content", "<s><x>"}, {"special", true}}}).dump());
    REQUIRE(plugin.load(folder.path()) == AFS_OK);
    CHECK(plugin.encode("<s><x>") == Ids{'<', 's', '>', '<', 'x', '>'});
    CHECK(plugin.encode("<s> <x>") == Ids{'<', 's', '>', ' ', 263});
}
