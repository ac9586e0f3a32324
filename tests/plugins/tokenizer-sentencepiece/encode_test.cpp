// Encoding: merges by hand, the dummy prefix, flags, invalid UTF-8, long runs.
#include <catch2/catch.hpp>
#include <chrono>
#include <random>

#include "support.hpp"

using namespace tokenizer_test;

namespace {

void load(Plugin& plugin, const ModelFile& model) {
    const TempFolder folder;
    folder.write("tokenizer.model", model.bytes());
    const afs_status status = plugin.load(folder.path());
    INFO(plugin.message());
    REQUIRE(status == AFS_OK);
}

}  // namespace

TEST_CASE("merges by score behind a dummy prefix") {
    Plugin plugin;
    load(plugin, small_model());
    CHECK(plugin.encode("ab") == Ids{264});  // "_a" has the better score, then "_ab"
    CHECK(plugin.encode("bab") == Ids{259, 261, 263});
    CHECK(plugin.encode(" a") == Ids{259, 262});
    CHECK(plugin.encode("c") == Ids{259, kByte + 'c'});
    CHECK(plugin.encode("\n") == Ids{259, kByte + '\n'});
    CHECK(plugin.encode("").empty());
    CHECK(plugin.encode(std::string("a\0b", 3)) == Ids{262, kByte, 261});
}

TEST_CASE("without a dummy prefix") {
    ModelFile model = small_model();
    model.add_dummy_prefix = false;
    Plugin plugin;
    load(plugin, model);
    CHECK(plugin.encode("ab") == Ids{263});
    CHECK(plugin.encode(" ab") == Ids{264});
    CHECK(plugin.decode(plugin.encode(" ab")) == " ab");
}

TEST_CASE("BOS is added when asked, where the model has one") {
    Plugin plugin;
    ModelFile model = small_model();
    load(plugin, model);
    CHECK(plugin.info().bos_id == 1);
    CHECK(plugin.info().eos_id == 2);
    CHECK(plugin.info().pad_id == -1);
    CHECK(plugin.info().adds_bos == 1);
    CHECK(plugin.encode("a", kAdd) == Ids{1, 262});
    CHECK(plugin.encode("", kAdd) == Ids{1});
    model.pieces[1].text = "<bos>";
    load(plugin, model);
    CHECK(plugin.info().adds_bos == 0);
    CHECK(plugin.encode("a", kAdd) == Ids{262});
}

TEST_CASE("special tokens in text are parsed only when asked, user-defined ones always") {
    Plugin plugin;
    load(plugin, small_model());
    CHECK(plugin.encode("</s>", kParse) == Ids{2});
    CHECK(plugin.encode("a</s>a<s><unk>", kParse) == Ids{262, 2, 262, 1, 0});
    for (const int32_t id : plugin.encode("a</s>a<s><unk>")) CHECK(id > 2);
    CHECK(plugin.encode("b<sep>b") == Ids{259, 261, 265, 261});
    for (const char* text : {"a</s>a", "</s> a", " </s>", "<s>a <unk>b", "a<sep> b", "<sep>"}) {
        CHECK(plugin.decode(plugin.encode(text, kParse)) == text);
        CHECK(plugin.decode(plugin.encode(text)) == text);
    }
}

TEST_CASE("invalid UTF-8 becomes byte pieces and no byte is lost") {
    Plugin plugin;
    load(plugin, small_model());
    CHECK(plugin.encode("ab\xff"
                        "ab") == Ids{264, kByte + 0xff, 263});
    CHECK(plugin.encode("\xff"
                        "a") == Ids{kByte + 0xff, 260});
    CHECK(plugin.encode("\xe2\x96") == Ids{kByte + 0xe2, kByte + 0x96});  // half a U+2581
    CHECK(plugin.encode("\xed\xa0\x80").size() == 3);                     // a surrogate
    CHECK(plugin.encode("\xff</s>\xff", kParse) == Ids{kByte + 0xff, 2, kByte + 0xff});
    std::mt19937 random(5);
    for (int round = 0; round < 3000; ++round) {
        std::string text(random() % 40, '\0');
        for (char& c : text)
            c = random() % 3 ? static_cast<char>(random() % 256)
                             : "ab ab<s>\xc3\xa9"[random() % 10];
        if (text.find("\u2581") != std::string::npos) continue;
        CHECK(plugin.decode(plugin.encode(text)) == text);
        CHECK(plugin.decode(plugin.encode(text, kParse)) == text);
    }
}

TEST_CASE("without byte pieces an invalid byte is what U+FFFD is: unknown") {
    Plugin plugin;
    REQUIRE(plugin.load(golden_path("sentencepiece/unigram.model")) == AFS_OK);
    const Ids want = plugin.encode("if \ufffd x");
    CHECK(std::count(want.begin(), want.end(), 0) == 1);
    CHECK(plugin.encode("if \xff x") == want);
    CHECK(plugin.decode({0}) == "<unk>");
}

TEST_CASE("text is encoded as one, whatever its length") {
    Plugin plugin;
    REQUIRE(plugin.load(golden_path("sentencepiece/bpe.model")) == AFS_OK);
    for (const char* piece :
         {"a", " ", "\n", "7", "\xe4\xb8\x80", "</s>", " \xe3\x80\x80", "<sep>"}) {
        std::string text;
        while (text.size() < 300000) text += piece;
        const auto start = std::chrono::steady_clock::now();
        const Ids ids = plugin.encode(text, kParse);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        INFO("piece '" << piece << "'");
        CHECK(took.count() < 5.0);  // quadratic work would take minutes
        CHECK(plugin.decode(ids) == text);
    }
}

TEST_CASE("wrong use is an error") {
    Plugin plugin;
    Ids ids;
    std::string bytes;
    CHECK(plugin.try_encode("a", 0, ids) == AFS_E_INVALID);
    CHECK(plugin.message().find("call load first") != std::string::npos);
    CHECK(plugin.try_decode({1}, 0, bytes) == AFS_E_INVALID);
    load(plugin, small_model());
    CHECK(plugin.try_encode("a", 64, ids) == AFS_E_INVALID);
    CHECK(plugin.message() == "unknown encode flags 64");
    CHECK(plugin.try_decode({1}, 2, bytes) == AFS_E_INVALID);
    CHECK(plugin.load("/nonexistent/model") == AFS_E_NOT_FOUND);
    CHECK(plugin.encode("a") == Ids{262});  // the loaded one is still there
}
