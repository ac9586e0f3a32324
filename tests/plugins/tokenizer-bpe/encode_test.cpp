// Encoding: merges by hand, flags, invalid UTF-8, long runs, templates, unknown bytes.
#include <catch2/catch.hpp>
#include <chrono>
#include <random>

#include "support.hpp"
#include "support/trials.hpp"

using namespace tokenizer_test;
using nlohmann::json;

namespace {

void load(Plugin& plugin, const json& document) {
    const TempFolder folder;
    folder.write("tokenizer.json", document.dump());
    const afs_status status = plugin.load(folder.path());
    INFO(plugin.message());
    REQUIRE(status == AFS_OK);
}

}  // namespace

TEST_CASE("merges by rank, leftmost first") {
    Plugin plugin;
    load(plugin, small_tokenizer());
    CHECK(plugin.encode("hello") == Ids{259});
    CHECK(plugin.encode("hell wo") == Ids{258, 260, 'o'});
    CHECK(plugin.encode("lll") == Ids{257, 'l'});
    CHECK(plugin.encode("").empty());
    CHECK(plugin.encode(std::string("a\0b", 3)) == Ids{'a', 0, 'b'});
    CHECK(plugin.info().n_vocab == 264);
    CHECK(std::string(plugin.info().summary) ==
          "byte-level BPE, 264 ids, 5 merges, from tokenizer.json");
}

TEST_CASE("ignore_merges takes a pre-token whole that no merge makes") {
    json document = small_tokenizer();
    document["model"]["vocab"]["wow"] = 264;
    Plugin plugin;
    load(plugin, document);
    CHECK(plugin.encode("wow") == Ids{'w', 'o', 'w'});
    document["model"]["ignore_merges"] = true;
    load(plugin, document);
    CHECK(plugin.encode("wow") == Ids{264});
    CHECK(plugin.encode("wowo") == Ids{'w', 'o', 'w', 'o'});
}

TEST_CASE("merges may be written as pairs") {
    json document = small_tokenizer();
    for (json& merge : document["model"]["merges"]) {
        const std::string text = merge;
        merge = json::array({text.substr(0, text.find(' ')), text.substr(text.find(' ') + 1)});
    }
    Plugin plugin;
    load(plugin, document);
    CHECK(plugin.encode("hello w") == Ids{259, 260});
}

TEST_CASE("special tokens in text are parsed only when asked, others always") {
    Plugin plugin;
    load(plugin, small_tokenizer());
    CHECK(plugin.encode("<s>h<x>", AFS_ENCODE_PARSE_SPECIAL) == Ids{261, 'h', 263});
    CHECK(plugin.encode("<s>h<x>") == Ids{'<', 's', '>', 'h', 263});
}

TEST_CASE("a template adds its tokens only when asked") {
    json document = small_tokenizer();
    document["post_processor"] = json::parse(R"({"type": "Sequence", "processors": [
        {"type": "ByteLevel", "trim_offsets": true},
        {"type": "TemplateProcessing", "pair": [],
         "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                    {"Sequence": {"id": "A", "type_id": 0}},
                    {"SpecialToken": {"id": "</s>", "type_id": 0}}],
         "special_tokens": {"<s>": {"id": "<s>", "ids": [261], "tokens": ["<s>"]},
                            "</s>": {"id": "</s>", "ids": [262], "tokens": ["</s>"]}}}]})");
    Plugin plugin;
    load(plugin, document);
    CHECK(plugin.info().adds_bos == 1);
    CHECK(plugin.info().bos_id == 261);
    CHECK(plugin.info().eos_id == -1);
    CHECK(plugin.encode("a", AFS_ENCODE_ADD_SPECIAL) == Ids{261, 'a', 262});
    CHECK(plugin.encode("", AFS_ENCODE_ADD_SPECIAL) == Ids{261, 262});
    CHECK(plugin.encode("a") == Ids{'a'});
}

TEST_CASE("bos, eos and pad come from tokenizer_config.json, then special_tokens_map.json") {
    const TempFolder folder;
    folder.write("tokenizer.json", small_tokenizer().dump());
    folder.write("tokenizer_config.json",
                 R"({"bos_token": {"content": "<s>"}, "eos_token": null, "pad_token": "hello",
                     "added_tokens_decoder": {"264": {"content": "<new>", "special": true}}})");
    folder.write("special_tokens_map.json", R"({"bos_token": "</s>", "eos_token": "</s>"})");
    Plugin plugin;
    REQUIRE(plugin.load(folder.path()) == AFS_OK);
    CHECK(plugin.info().bos_id == 261);
    CHECK(plugin.info().eos_id == 262);
    CHECK(plugin.info().pad_id == 259);
    CHECK(plugin.info().adds_bos == 0);
    CHECK(plugin.encode("<new>", AFS_ENCODE_PARSE_SPECIAL) == Ids{264});
}

TEST_CASE("invalid UTF-8 becomes byte tokens and no byte is lost") {
    Plugin plugin;
    load(plugin, small_tokenizer());
    CHECK(plugin.encode("hello\xffhello") == Ids{259, 0xff, 259});
    CHECK(plugin.encode("\xe2\x82") == Ids{0xe2, 0x82});            // cut short
    CHECK(plugin.encode("\xed\xa0\x80") == Ids{0xed, 0xa0, 0x80});  // a surrogate
    CHECK(plugin.encode("\xc0\xaf<x>") == Ids{0xc0, 0xaf, 263});    // overlong
    CHECK(plugin.encode("\xf4\x90\x80\x80").size() == 4);           // above U+10FFFF
    std::mt19937 random(5);
    for (int round = 0; round < 3000; ++round) {
        std::string text(random() % 40, '\0');
        for (char& c : text)
            c = random() % 3 ? static_cast<char>(random() % 256)
                             : "he llo<x>\xc3\xa9"[random() % 11];
        CHECK(plugin.decode(plugin.encode(text)) == text);
        CHECK(plugin.decode(plugin.encode(text, AFS_ENCODE_PARSE_SPECIAL)) == text);
    }
}

TEST_CASE("text without an invalid byte is encoded as one, whatever its length") {
    Plugin plugin;
    REQUIRE(plugin.load(golden_path("removed.json")) == AFS_OK);
    for (const char* piece :
         {"a", " ", "\n", "7", "!", "\xe4\xb8\x80", "<|end|>", " \xe3\x80\x80"}) {
        std::string text;
        while (text.size() < 300000) text += piece;
        const auto start = std::chrono::steady_clock::now();
        const Ids ids = plugin.encode(text, AFS_ENCODE_PARSE_SPECIAL);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        INFO("piece '" << piece << "'");
        CHECK(took.count() < 5.0 * afs::test::kOneOf);  // quadratic work would take minutes
        CHECK(plugin.decode(ids) == text);
    }
}

TEST_CASE("a byte without a token is unk_token, else left out") {
    json document = small_tokenizer();
    document["model"]["vocab"].erase("z");
    document["model"]["vocab"]["<unk>"] = 'z';
    Plugin plugin;
    load(plugin, document);
    CHECK(plugin.encode("azb") == Ids{'a', 'b'});
    CHECK(plugin.encode("hzell") == Ids{258});  // neighbours now
    CHECK(plugin.encode("z").empty());
    CHECK(std::string(plugin.info().summary) ==
          "byte-level BPE, 264 ids, 5 merges, no token for 1 bytes, from tokenizer.json");
    document["model"]["unk_token"] = "<unk>";
    load(plugin, document);
    CHECK(plugin.encode("azzb") == Ids{'a', 'z', 'z', 'b'});
    document["model"]["fuse_unk"] = true;
    load(plugin, document);
    CHECK(plugin.encode("azzbz") == Ids{'a', 'z', 'b', 'z'});
    CHECK(plugin.encode("z") == Ids{'z'});
}

TEST_CASE("wrong use is an error") {
    Plugin plugin;
    Ids ids;
    CHECK(plugin.try_encode("a", 0, ids) == AFS_E_INVALID);
    CHECK(plugin.message().find("call load first") != std::string::npos);
    load(plugin, small_tokenizer());
    CHECK(plugin.try_encode("a", 64, ids) == AFS_E_INVALID);
    CHECK(plugin.message() == "unknown encode flags 64");
}

TEST_CASE("a failed load leaves the loaded tokenizer as it was") {
    Plugin plugin;
    load(plugin, small_tokenizer());
    CHECK(plugin.load("/nonexistent/model") == AFS_E_NOT_FOUND);
    CHECK(plugin.encode("hello") == Ids{259});
}
