// vocab.json with merges.txt: same ids as the tokenizer.json they come from, and the rule that
// tells how text is split.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace tokenizer_test;
using nlohmann::json;

namespace {

// Writes a tokenizer.json's model as the older pair of files.
void write_pair(const TempFolder& folder, const json& document,
                const std::string& line_end = "\n") {
    folder.write("vocab.json", document["model"]["vocab"].dump());
    std::string merges = "#version: 0.2" + line_end;
    for (const json& merge : document["model"]["merges"])
        merges +=
            (merge.is_string() ? merge.get<std::string>()
                               : merge[0].get<std::string>() + " " + merge[1].get<std::string>()) +
            line_end;
    folder.write("merges.txt", merges);
}

// The small tokenizer with one more merge and its token, id 261.
json with_merge(const std::string& left, const std::string& right) {
    json document = small_tokenizer();
    document["model"]["merges"].push_back(left + " " + right);
    document["model"]["vocab"][left + right] = 261;
    return document;
}

}  // namespace

TEST_CASE("vocab.json and merges.txt give the ids of their tokenizer.json") {
    const json document = json::parse(golden("gpt2.json"));
    json config = {{"tokenizer_class", "GPT2Tokenizer"}, {"eos_token", "<|end|>"}};
    for (json token : document["added_tokens"]) {
        const std::string id = std::to_string(token["id"].get<int>());
        token.erase("id");
        config["added_tokens_decoder"][id] = token;
    }
    const TempFolder folder;
    write_pair(folder, document, "\r\n");
    folder.write("tokenizer_config.json", config.dump());
    Plugin pair, whole;
    const afs_status status = pair.load(folder.path());
    INFO(pair.message());
    REQUIRE(status == AFS_OK);
    REQUIRE(whole.load(golden_path("gpt2.json")) == AFS_OK);
    CHECK(pair.info().n_vocab == whole.info().n_vocab);
    CHECK(pair.info().eos_id == whole.encode("<|end|>", AFS_ENCODE_PARSE_SPECIAL)[0]);
    for (const char* text :
         {"Hello world, it's 12345!", " a [left]b  [both]  c", "<|end|>word", ""})
        CHECK(pair.encode(text, AFS_ENCODE_PARSE_SPECIAL) ==
              whole.encode(text, AFS_ENCODE_PARSE_SPECIAL));
}

TEST_CASE("the merges tell which expression splits the text") {
    Plugin plugin;
    const TempFolder folder;
    SECTION("punctuation with letters: cl100k's") {
        write_pair(folder, with_merge("(", "ll"));
        REQUIRE(plugin.load(folder.path()) == AFS_OK);
        CHECK(plugin.encode("(ll") == Ids{261});
    }
    SECTION("a space and a digit: GPT-2's") {
        write_pair(folder, with_merge("\u0120", "7"));
        REQUIRE(plugin.load(folder.path()) == AFS_OK);
        CHECK(plugin.encode(" 7 (ll") == Ids{261, ' ', '(', 257});
    }
    SECTION("both: an error that shows one of each") {
        json document = with_merge("\u0120", "7");
        document["model"]["merges"].push_back("( ll");
        document["model"]["vocab"]["(ll"] = 262;
        write_pair(folder, document);
        CHECK(plugin.load(folder.path()) == AFS_E_UNSUPPORTED);
        CHECK_THAT(plugin.message(), Catch::Contains("'(ll'") && Catch::Contains("' 7'"));
    }
}

TEST_CASE("add_bos_token and add_eos_token are followed") {
    Plugin plugin;
    const TempFolder folder;
    write_pair(folder, small_tokenizer());
    folder.write("tokenizer_config.json",
                 R"({"add_bos_token": true, "add_eos_token": true, "bos_token": "hello",
                     "eos_token": "he"})");
    REQUIRE(plugin.load(folder.path()) == AFS_OK);
    CHECK(plugin.info().adds_bos == 1);
    CHECK(plugin.encode("a", AFS_ENCODE_ADD_SPECIAL) == Ids{259, 'a', 256});
}

TEST_CASE("a token with a role is special though no file lists it") {
    Plugin plugin;
    const TempFolder folder;
    json document = small_tokenizer();
    document["model"]["vocab"]["<|endoftext|>"] = 261;
    write_pair(folder, document);
    REQUIRE(plugin.load(folder.path()) == AFS_OK);
    CHECK(plugin.info().bos_id == 261);
    CHECK(plugin.info().eos_id == 261);
    CHECK(plugin.encode("a<|endoftext|>", AFS_ENCODE_PARSE_SPECIAL) == Ids{'a', 261});
    CHECK(plugin.encode("a<|endoftext|>").size() > 2);
    CHECK(plugin.decode({'a', 261}, AFS_DECODE_SKIP_SPECIAL) == "a");
}

TEST_CASE("broken pairs are refused by name") {
    Plugin plugin;
    const TempFolder folder;
    write_pair(folder, small_tokenizer());
    REQUIRE(plugin.load(folder.path()) == AFS_OK);
    const auto refuse = [&](afs_status code, const char* says) {
        CHECK(plugin.load(folder.path()) == code);
        CHECK_THAT(plugin.message(), Catch::Contains(says));
    };
    folder.write("merges.txt", "#version: 0.2\nh e\nbroken\n");
    refuse(AFS_E_INVALID, "line 3 is 'broken'");
    folder.write("merges.txt", "h e\nq u\n");
    refuse(AFS_E_INVALID, "needs token 'qu'");
    folder.write("merges.txt", "h e\n");
    folder.write("tokenizer_config.json", R"({"tokenizer_class": "Qwen2TokenizerFast"})");
    refuse(AFS_E_UNSUPPORTED, "'Qwen2Tokenizer': expected GPT2Tokenizer");
    folder.write("tokenizer_config.json", R"({"eos_token": "<none>"})");
    refuse(AFS_E_INVALID, "eos_token is '<none>'");
    folder.write("tokenizer_config.json", R"({"eos_token": 7})");
    refuse(AFS_E_INVALID, "eos_token is a number");
    folder.write("tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "y"}}})");
    refuse(AFS_E_INVALID, "expected an id as its key");
    folder.write("tokenizer_config.json", "[]");
    refuse(AFS_E_INVALID, "expected an object");
    folder.write("tokenizer_config.json", "{}");
    folder.write("vocab.json", "{\"a\": [1]}");
    refuse(AFS_E_INVALID, "token 'a' has an array as its id");
}
