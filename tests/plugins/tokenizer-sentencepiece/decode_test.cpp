// Ids to bytes, kinds of ids, ids that do not exist, and what `score` says of files.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace tokenizer_test;

namespace {

// Two pieces at the end: 266 unused, and from added_tokens.json 269, behind a hole.
void load(Plugin& plugin) {
    ModelFile model = small_model();
    model.pieces.push_back({"\u2581old", -9, AFS_PIECE_UNUSED});
    const TempFolder folder;
    folder.write("tokenizer.model", model.bytes());
    folder.write("added_tokens.json", R"({"<new>": 269})");
    const afs_status status = plugin.load(folder.path());
    INFO(plugin.message());
    REQUIRE(status == AFS_OK);
}

}  // namespace

TEST_CASE("decoding: the first blank is the dummy prefix, special tokens skipped when asked") {
    Plugin plugin;
    load(plugin);
    CHECK(plugin.decode({264, 264}) == "ab ab");
    CHECK(plugin.decode({263, 264}) == "ab ab");
    CHECK(plugin.decode({259, 264}) == " ab");
    CHECK(plugin.decode({1, 264, 2, 264}) == "<s>ab</s>ab");
    CHECK(plugin.decode({1, 264, 2, 264, 264}, AFS_DECODE_SKIP_SPECIAL) == "abab ab");
    CHECK(plugin.decode({269, 265}, AFS_DECODE_SKIP_SPECIAL) == "<new><sep>");
    CHECK(plugin.decode({kByte + 0xe2, kByte + 0x96}) == "\xe2\x96");
    CHECK(plugin.decode({kByte + ' ', 260}) == " a");  // a byte is no prefix
    CHECK(plugin.decode({}).empty());
}

TEST_CASE("each id has a kind") {
    Plugin plugin;
    load(plugin);
    CHECK(plugin.info().n_vocab == 270);
    const auto kind_of = [&](int32_t id, const std::string& want) {
        int32_t kind = -1;
        std::string bytes;
        REQUIRE(plugin.try_token(id, kind, bytes) == AFS_OK);
        CHECK(bytes == want);
        return kind;
    };
    CHECK(kind_of(0, "<unk>") == AFS_TOKEN_SPECIAL);
    CHECK(kind_of(1, "<s>") == AFS_TOKEN_SPECIAL);
    CHECK(kind_of(kByte, std::string(1, '\0')) == AFS_TOKEN_NORMAL);
    CHECK(kind_of(264, " ab") == AFS_TOKEN_NORMAL);
    CHECK(kind_of(265, "<sep>") == AFS_TOKEN_ADDED);
    CHECK(kind_of(266, " old") == AFS_TOKEN_UNUSED);
    CHECK(kind_of(268, "") == AFS_TOKEN_UNUSED);
    CHECK(kind_of(269, "<new>") == AFS_TOKEN_ADDED);
}

TEST_CASE("ids that do not exist are refused by name and size") {
    Plugin plugin;
    load(plugin);
    std::string bytes;
    int32_t kind = 0;
    CHECK(plugin.try_decode({260, 270}, 0, bytes) == AFS_E_INVALID);
    CHECK(plugin.message() == "id 270 is outside the vocabulary: expected 0 to 269 (270 ids)");
    CHECK(plugin.try_decode({-1}, 0, bytes) == AFS_E_INVALID);
    CHECK(plugin.try_decode({267}, 0, bytes) == AFS_E_INVALID);
    CHECK(plugin.message() == "id 267 is a hole in the vocabulary of 270 ids");
    CHECK(plugin.try_token(270, kind, bytes) == AFS_E_INVALID);
    CHECK(plugin.try_token(-2147483647, kind, bytes) == AFS_E_INVALID);
}

TEST_CASE("score tells a SentencePiece model from tiktoken's file of that name") {
    Plugin plugin;
    TokenizerPlugin bpe("bpe");
    const TempFolder folder;
    CHECK(plugin.score(folder.path()) == 0);
    CHECK(plugin.score(folder.path() / "none.model") == 0);
    const std::string path = folder.write("tokenizer.model", "IQ== 0\nIg== 1\n");
    CHECK(plugin.score(folder.path()) == 0);
    CHECK(plugin.score(path) == 0);
    CHECK(bpe.score(folder.path()) > 0);
    folder.write("tokenizer.model", small_model().bytes());
    CHECK(plugin.score(folder.path()) > 50);
    CHECK(plugin.score(path) > 50);
    CHECK(bpe.score(folder.path()) == 0);
    folder.write("tokenizer.model", "\x0a\x0e\x0a");
    CHECK(plugin.score(path) == 0);
}

TEST_CASE("beside a tokenizer.json, score tells who can read it") {
    Plugin plugin;
    TokenizerPlugin bpe("bpe");
    const TempFolder folder;
    folder.write("tokenizer.model", small_model().bytes());
    folder.write("tokenizer.json",
                 R"({"version": "1.0", "normalizer": {"type": "Sequence", "normalizers": [
                     {"type": "Prepend", "prepend": "▁"}]}, "pre_tokenizer": null,
                     "model": {"type": "BPE", "byte_fallback": true, "vocab": {)");
    CHECK(bpe.score(folder.path()) < plugin.score(folder.path()));
    CHECK(bpe.score(folder.path()) > 0);  // who asks for it by name is told why not
    folder.write("tokenizer.json",
                 R"({"pre_tokenizer": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {)");
    CHECK(bpe.score(folder.path()) > plugin.score(folder.path()));
}
