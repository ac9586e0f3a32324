// tokenizer_config.json, special_tokens_map.json and added_tokens.json beside a model.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace tokenizer_test;

namespace {

struct Checkpoint {
    TempFolder folder;
    Plugin plugin;
    Checkpoint() { folder.write("tokenizer.model", small_model().bytes()); }
    void load(const std::string& config) {
        folder.write("tokenizer_config.json", config);
        const afs_status status = plugin.load(folder.path());
        INFO(plugin.message());
        REQUIRE(status == AFS_OK);
    }
};

}  // namespace

TEST_CASE("BOS and EOS as the configuration says, else as LlamaTokenizer") {
    Checkpoint c;
    c.load(R"({"tokenizer_class": "LlamaTokenizerFast"})");
    CHECK(c.plugin.encode("a", kAdd) == Ids{1, 262});
    c.load(R"({"add_bos_token": false, "add_eos_token": true})");
    CHECK(c.plugin.encode("a", kAdd) == Ids{262, 2});
    CHECK(c.plugin.info().adds_bos == 0);
    c.load(R"({"bos_token": "</s>", "eos_token": {"content": "<s>"}, "pad_token": null})");
    CHECK(c.plugin.info().bos_id == 2);
    CHECK(c.plugin.info().eos_id == 1);
    CHECK(c.plugin.info().pad_id == -1);
    CHECK(c.plugin.encode("a", kAdd) == Ids{2, 262});
}

TEST_CASE("added tokens: ids behind the pieces, roles, the longest first") {
    Checkpoint c;
    c.folder.write("added_tokens.json", R"({"<x>": 266, "<x><y>": 267})");
    c.folder.write("special_tokens_map.json", R"({"pad_token": "<x>"})");
    c.load(R"({"added_tokens_decoder": {
        "1": {"content": "<s>", "special": true},
        "268": {"content": "[L]", "lstrip": true},
        "269": {"content": "[R]", "rstrip": true, "special": true}}})");
    CHECK(c.plugin.info().n_vocab == 270);
    CHECK(c.plugin.info().pad_id == 266);
    CHECK(c.plugin.encode("a<x><y><x>", kParse) == Ids{262, 267, 266});
    CHECK(c.plugin.encode("<x><y>") == Ids{267});
    CHECK(c.plugin.encode("a \t[L]b") == Ids{262, 268, 259, 261});
    CHECK(c.plugin.encode("[R] \nb", kParse) == Ids{269, 259, 261});
    CHECK(c.plugin.encode("[R]").size() > 1);
    CHECK(c.plugin.decode({266, 267, 269}, AFS_DECODE_SKIP_SPECIAL) == "<x><y>");
}

TEST_CASE("legacy false: no dummy prefix behind an added token") {
    Checkpoint c;
    c.load(R"({"legacy": false})");
    CHECK(c.plugin.encode("b</s>b", kParse) == Ids{259, 261, 2, 261});
    CHECK(c.plugin.encode("</s>b", kParse) == Ids{2, 261});
    for (const char* text : {"b</s>b", "</s>b", "b</s> b"})
        CHECK(c.plugin.decode(c.plugin.encode(text, kParse)) == text);
    CHECK(c.plugin.decode(c.plugin.encode("b", kAdd), AFS_DECODE_SKIP_SPECIAL) == "b");
    c.load(R"({"legacy": true})");
    CHECK(c.plugin.encode("b</s>b", kParse) == Ids{259, 261, 2, 259, 261});
}

TEST_CASE("broken files are refused by name") {
    Checkpoint c;
    const auto refuse = [&](const char* file, const std::string& text, afs_status code,
                            const char* says) {
        c.folder.write(file, text);
        CHECK(c.plugin.load(c.folder.path()) == code);
        CHECK_THAT(c.plugin.message(), Catch::Contains(says) && Catch::Contains(file));
        c.folder.write(file, "{}");
    };
    const char* config = "tokenizer_config.json";
    const auto decoder = [](const std::string& entry) {
        return "{\"added_tokens_decoder\": {" + entry + "}}";
    };
    refuse(config, "[]", AFS_E_INVALID, "is no JSON object");
    refuse(config, "{\"a\":", AFS_E_INVALID, "cannot parse");
    refuse(config, "{\"a\": 1, \"a\": 2}", AFS_E_INVALID, "given twice");
    refuse(config, "{\"a\":" + std::string(100000, '['), AFS_E_INVALID, "nested deeper");
    refuse(config, R"({"tokenizer_class": "CamembertTokenizer"})", AFS_E_UNSUPPORTED,
           "'CamembertTokenizer': expected LlamaTokenizer");
    refuse(config, R"({"tokenizer_class": 7})", AFS_E_INVALID, "tokenizer_class: expected text");
    refuse(config, R"({"add_bos_token": "yes"})", AFS_E_INVALID, "expected true or false");
    refuse(config, R"({"bos_token": "<none>"})", AFS_E_INVALID, "'<none>': no such token");
    refuse(config, R"({"eos_token": 2})", AFS_E_INVALID, "eos_token: expected text");
    refuse(config, R"({"added_tokens_decoder": 2})", AFS_E_INVALID, "expected an object");
    refuse(config, decoder(R"("x": {"content": "<x>"})"), AFS_E_INVALID, "an id as its key");
    refuse(config, decoder(R"("99999999": {"content": "<x>"})"), AFS_E_INVALID, "an id as its key");
    refuse(config, decoder(R"("9999999": {"content": "<x>"})"), AFS_E_INVALID, "an id, 0 to");
    refuse(config, decoder(R"("266": {"content": ""})"), AFS_E_INVALID, "is empty");
    refuse(config, decoder(R"("266": "<x>")"), AFS_E_INVALID, "an object with a text 'content'");
    refuse(config, decoder(R"("260": {"content": "<x>"})"), AFS_E_INVALID,
           "has id 260, which belongs to 'a'");
    refuse(config, decoder(R"("266": {"content": "ab"})"), AFS_E_INVALID, "has ids 263 and 266");
    refuse(config, decoder(R"("266": {"content": "<x>"}, "267": {"content": "<x>"})"),
           AFS_E_INVALID, "has ids 266 and 267");
    refuse(config, decoder(R"("266": {"content": "<x>", "single_word": true})"), AFS_E_UNSUPPORTED,
           "single word");
    refuse("added_tokens.json", R"({"<x>": "266"})", AFS_E_INVALID, "expected an id");
    refuse("added_tokens.json", R"({"<x>": 266, "<y>": 266})", AFS_E_INVALID,
           "'<y>' has id 266, which belongs to '<x>'");
    refuse("special_tokens_map.json", R"({"pad_token": "<x>"})", AFS_E_INVALID, "no such token");
    ModelFile model = small_model();
    model.pieces[1].text = "<bos>";
    c.folder.write("tokenizer.model", model.bytes());
    refuse(config, R"({"add_bos_token": true})", AFS_E_INVALID, "there is no bos_token");
}
