// Broken and foreign tokenizer.json files: one message that names what is wrong, and no crash.
#include <catch2/catch.hpp>
#include <functional>

#include "support.hpp"

using namespace tokenizer_test;
using nlohmann::json;

namespace {

struct Case {
    const char* title;
    std::function<void(json&)> change;
    afs_status code;
    const char* says;
};

json split(const char* regex) {
    return {{"type", "Sequence"},
            {"pretokenizers",
             {{{"type", "Split"},
               {"pattern", {{"Regex", regex}}},
               {"behavior", "Isolated"},
               {"invert", false}},
              {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
}

json& step(json& d) {
    d["pre_tokenizer"] = split("a");
    return d["pre_tokenizer"]["pretokenizers"][0];
}

const Case kCases[] = {
    {"no model", [](json& d) { d.erase("model"); }, AFS_E_INVALID, "object 'model'"},
    {"model is a list", [](json& d) { d["model"] = json::array(); }, AFS_E_INVALID, "'model'"},
    {"another model", [](json& d) { d["model"]["type"] = "Unigram"; }, AFS_E_UNSUPPORTED,
     "'Unigram': expected BPE"},
    {"unknown model key", [](json& d) { d["model"]["alpha"] = 1; }, AFS_E_UNSUPPORTED,
     "unknown key 'alpha'"},
    {"unknown key", [](json& d) { d["extra"] = 1; }, AFS_E_UNSUPPORTED, "unknown key 'extra'"},
    {"no vocabulary", [](json& d) { d["model"].erase("vocab"); }, AFS_E_INVALID,
     "no object 'vocab'"},
    {"vocabulary is a list", [](json& d) { d["model"]["vocab"] = {1}; }, AFS_E_INVALID,
     "no object 'vocab'"},
    {"no merges", [](json& d) { d["model"].erase("merges"); }, AFS_E_INVALID, "no array 'merges'"},
    {"empty vocabulary",
     [](json& d) {
         d["model"]["vocab"] = json::object();
         d["model"]["merges"] = json::array();
         d["added_tokens"] = nullptr;
     },
     AFS_E_INVALID, "empty vocabulary"},
    {"text as an id", [](json& d) { d["model"]["vocab"]["he"] = "7"; }, AFS_E_INVALID,
     "token 'he' has text as its id"},
    {"negative id", [](json& d) { d["model"]["vocab"]["he"] = -7; }, AFS_E_INVALID,
     "token 'he' has -7 as its id"},
    {"broken id", [](json& d) { d["model"]["vocab"]["he"] = 1.5; }, AFS_E_INVALID,
     "token 'he' has 1.5 as its id"},
    {"object as an id", [](json& d) { d["model"]["vocab"]["he"] = json::object(); }, AFS_E_INVALID,
     "an object as its id"},
    {"null as an id", [](json& d) { d["model"]["vocab"]["he"] = nullptr; }, AFS_E_INVALID,
     "null as its id"},
    {"huge id", [](json& d) { d["model"]["vocab"]["he"] = 4000000000u; }, AFS_E_INVALID,
     "has id 4000000000: expected 0 to"},
    {"huge 64-bit id", [](json& d) { d["model"]["vocab"]["he"] = 18446744073709551615ull; },
     AFS_E_INVALID, "18446744073709551615"},
    {"one id, two tokens", [](json& d) { d["model"]["vocab"]["he"] = 257; }, AFS_E_INVALID,
     "id 257 belongs to two tokens"},
    {"dangling merge part", [](json& d) { d["model"]["merges"].push_back("h q\u0120"); },
     AFS_E_INVALID, "merge 5 ('h' with 'q\u0120') needs token 'q\u0120'"},
    {"dangling merge result", [](json& d) { d["model"]["merges"].push_back("q u"); }, AFS_E_INVALID,
     "needs token 'qu'"},
    {"merge of one", [](json& d) { d["model"]["merges"].push_back("he"); }, AFS_E_INVALID,
     "merge 5 is 'he'"},
    {"merge of three", [](json& d) { d["model"]["merges"].push_back("h e l"); }, AFS_E_INVALID,
     "merge 5 is 'h e l'"},
    {"pair of one", [](json& d) { d["model"]["merges"].push_back({"h"}); }, AFS_E_INVALID,
     "has 1 parts"},
    {"number as a merge", [](json& d) { d["model"]["merges"].push_back(3); }, AFS_E_INVALID,
     "merge 5 holds a number"},
    {"nested merge",
     [](json& d) {
         d["model"]["merges"].push_back({{"h"}, "e"});
     },
     AFS_E_INVALID, "merge 5 holds an array"},
    {"dropout", [](json& d) { d["model"]["dropout"] = 0.1; }, AFS_E_UNSUPPORTED,
     "model.dropout is 0.1"},
    {"byte fallback", [](json& d) { d["model"]["byte_fallback"] = true; }, AFS_E_UNSUPPORTED,
     "byte_fallback"},
    {"word suffix", [](json& d) { d["model"]["end_of_word_suffix"] = "</w>"; }, AFS_E_UNSUPPORTED,
     "end_of_word_suffix"},
    {"wrong flag", [](json& d) { d["model"]["ignore_merges"] = "no"; }, AFS_E_INVALID,
     "model.ignore_merges is text"},
    {"absent unk", [](json& d) { d["model"]["unk_token"] = "<unk>"; }, AFS_E_INVALID, "'<unk>'"},
    {"normalizer",
     [](json& d) {
         d["normalizer"] = {{"type", "NFC"}};
     },
     AFS_E_UNSUPPORTED, "normalizer is 'NFC'"},
    {"no pre-tokenizer", [](json& d) { d["pre_tokenizer"] = nullptr; }, AFS_E_UNSUPPORTED,
     "no ByteLevel step"},
    {"another pre-tokenizer",
     [](json& d) {
         d["pre_tokenizer"] = {{"type", "Metaspace"}};
     },
     AFS_E_UNSUPPORTED, "'Metaspace'"},
    {"pre-tokenizer is text", [](json& d) { d["pre_tokenizer"] = "ByteLevel"; }, AFS_E_INVALID,
     "pre_tokenizer is text"},
    {"step after ByteLevel",
     [](json& d) {
         d["pre_tokenizer"] = split("a");
         auto& s = d["pre_tokenizer"]["pretokenizers"];
         std::swap(s[0], s[1]);
     },
     AFS_E_UNSUPPORTED, "comes after ByteLevel"},
    {"another behaviour", [](json& d) { step(d)["behavior"] = "Kept"; }, AFS_E_UNSUPPORTED,
     "'Kept'"},
    {"no pattern", [](json& d) { step(d).erase("pattern"); }, AFS_E_INVALID, "pattern"},
    {"bad expression", [](json& d) { d["pre_tokenizer"] = split("a("); }, AFS_E_INVALID,
     "cannot compile expression 'a('"},
    {"anchor", [](json& d) { d["pre_tokenizer"] = split("\\s+$"); }, AFS_E_UNSUPPORTED,
     "anchor '$' at byte 3"},
    {"Oniguruma's escapes", [](json& d) { d["pre_tokenizer"] = split("\\h"); }, AFS_E_UNSUPPORTED,
     "escape '\\h'"},
    {"interval with plus", [](json& d) { d["pre_tokenizer"] = split("\\p{N}{1,3}+"); },
     AFS_E_UNSUPPORTED, "'+' behind an interval"},
    {"class in a class", [](json& d) { d["pre_tokenizer"] = split("[a[b]]"); }, AFS_E_UNSUPPORTED,
     "'[' inside a class"},
    {"intersection", [](json& d) { d["pre_tokenizer"] = split("[a-z&&b]"); }, AFS_E_UNSUPPORTED,
     "'&&'"},
    {"script property", [](json& d) { d["pre_tokenizer"] = split("\\p{Han}+"); }, AFS_E_UNSUPPORTED,
     "property 'Han'"},
    {"folding to several", [](json& d) { d["pre_tokenizer"] = split("(?i:ss)"); },
     AFS_E_UNSUPPORTED, "(?i: with 'ss'"},
    {"decoder",
     [](json& d) {
         d["decoder"] = {{"type", "WordPiece"}};
     },
     AFS_E_UNSUPPORTED, "decoder is 'WordPiece'"},
    {"post-processor",
     [](json& d) {
         d["post_processor"] = {{"type", "BertProcessing"}};
     },
     AFS_E_UNSUPPORTED, "'BertProcessing'"},
    {"template without ids",
     [](json& d) {
         d["post_processor"] = json::parse(
             R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<q>"}}, {"Sequence": {"id": "A"}}], "special_tokens": {}})");
     },
     AFS_E_INVALID, "no ids for '<q>'"},
    {"template with a foreign id",
     [](json& d) {
         d["post_processor"] = json::parse(
             R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}], "special_tokens": {"<s>": {"ids": [9999999999]}}})");
     },
     AFS_E_INVALID, "9999999999"},
    {"template without text",
     [](json& d) {
         d["post_processor"] = {{"type", "TemplateProcessing"},
                                {"single", json::array()},
                                {"special_tokens", json::object()}};
     },
     AFS_E_UNSUPPORTED, "leaves the text out"},
    {"added tokens are text", [](json& d) { d["added_tokens"] = "<s>"; }, AFS_E_INVALID,
     "added_tokens is text"},
    {"added token without id", [](json& d) { d["added_tokens"][0].erase("id"); }, AFS_E_INVALID,
     "'<s>' has id missing"},
    {"added token with a huge id", [](json& d) { d["added_tokens"][0]["id"] = 99999999; },
     AFS_E_INVALID, "has id 99999999"},
    {"empty added token", [](json& d) { d["added_tokens"][0]["content"] = ""; }, AFS_E_INVALID,
     "is empty"},
    {"added token twice", [](json& d) { d["added_tokens"][1]["content"] = "<s>"; }, AFS_E_INVALID,
     "'<s>' comes twice"},
    {"added id taken", [](json& d) { d["added_tokens"][0]["id"] = 97; }, AFS_E_INVALID,
     "id 97 belongs to two tokens"},
    {"added token elsewhere", [](json& d) { d["added_tokens"][0]["content"] = "hello"; },
     AFS_E_INVALID, "the vocabulary gives it 259"},
    {"unknown flag of an added token", [](json& d) { d["added_tokens"][0]["shout"] = true; },
     AFS_E_UNSUPPORTED, "unknown key 'shout'"},
};

}  // namespace

TEST_CASE("a broken tokenizer.json is refused by name") {
    Plugin plugin;
    const TempFolder folder;
    folder.write("tokenizer.json", small_tokenizer().dump());
    REQUIRE(plugin.load(folder.path()) == AFS_OK);
    for (const Case& c : kCases) {
        json document = small_tokenizer();
        c.change(document);
        folder.write("tokenizer.json", document.dump());
        INFO(c.title);
        CHECK(plugin.load(folder.path()) == c.code);
        CHECK_THAT(plugin.message(), Catch::Contains(c.says) && Catch::Contains("tokenizer.json"));
    }
}

TEST_CASE("text that is not sound JSON is refused") {
    Plugin plugin;
    const TempFolder folder;
    const std::string sound = small_tokenizer().dump();
    for (size_t cut = 1; cut < sound.size(); cut += 37) {
        folder.write("tokenizer.json", sound.substr(0, cut));
        CHECK(plugin.load(folder.path()) == AFS_E_INVALID);
    }
    const auto refuse = [&](const std::string& text, const char* says) {
        folder.write("tokenizer.json", text);
        CHECK(plugin.load(folder.path()) == AFS_E_INVALID);
        CHECK_THAT(plugin.message(), Catch::Contains(says));
    };
    refuse("{\"a\":" + std::string(100000, '['), "nested deeper than 64");
    refuse("{\"model\":{\"vocab\":{\"a\":0,\"a\":1}}}", "token 'a' comes twice");
    refuse("{\"version\":\"1\",\"version\":\"2\"}", "key 'version' comes twice");
    refuse("{\"version\":\"\xff\"}", "byte 13");
    refuse("{} {}", "cannot parse");
}

TEST_CASE("files that are missing or of another kind") {
    Plugin plugin;
    const TempFolder folder;
    CHECK(plugin.load(folder.path()) == AFS_E_NOT_FOUND);
    CHECK_THAT(plugin.message(), Catch::Contains("expected tokenizer.json, or vocab.json"));
    CHECK(plugin.load(folder.path() / "none.json") == AFS_E_NOT_FOUND);
    CHECK(plugin.load(folder.write("weights.bin", "abc")) == AFS_E_INVALID);
    CHECK_THAT(plugin.message(), Catch::Contains("is no tokenizer"));
}
