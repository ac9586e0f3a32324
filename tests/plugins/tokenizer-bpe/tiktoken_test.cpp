// tiktoken's tokenizer.model: a made-up vocabulary of Llama-3's size, and files that are refused.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace tokenizer_test;

namespace {

std::string base64(const std::string& bytes) {
    static const char* const kLetters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (size_t i = 0; i < bytes.size(); i += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; ++k)
            bits = bits << 8 | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0u);
        for (size_t k = 0; k < 4; ++k)
            out += i + k <= bytes.size() ? kLetters[bits >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

// Ranks 0 to 255 are the bytes; 256 "bc", 257 "ab", 258 "abcd", 259 "cd"; the rest is filler that
// no text below reaches.
std::string ranks(int count) {
    std::string text;
    const auto add = [&](const std::string& bytes, int rank) {
        text += base64(bytes) + " " + std::to_string(rank) + "\n";
    };
    for (int byte = 0; byte < 256; ++byte) add(std::string(1, static_cast<char>(byte)), byte);
    add("bc", 256), add("ab", 257), add("abcd", 258), add("cd", 259);
    for (int rank = 260; rank < count; ++rank) add("\xf5" + std::to_string(rank), rank);
    return text;
}

}  // namespace

TEST_CASE("tiktoken ranks: neighbours merge by the rank of what they make") {
    Plugin plugin;
    const TempFolder folder;
    folder.write("tokenizer.model", ranks(128000));
    CHECK(plugin.score(folder.path()) > 0);
    REQUIRE(plugin.load(folder.path()) == AFS_OK);
    CHECK(plugin.info().n_vocab == 128256);
    CHECK(plugin.info().bos_id == 128000);
    CHECK(plugin.info().eos_id == 128001);
    CHECK(plugin.info().pad_id == 128004);
    CHECK(plugin.info().adds_bos == 1);
    CHECK(plugin.encode("abc") == Ids{'a', 256});
    CHECK(plugin.encode("abab") == Ids{257, 257});
    CHECK(plugin.encode("abcd") == Ids{258});  // whole, though its merges start with bc
    CHECK(plugin.encode("abcde") == Ids{'a', 256, 'd', 'e'});
    CHECK(plugin.encode("x", AFS_ENCODE_ADD_SPECIAL) == Ids{128000, 'x'});
    CHECK(plugin.encode("<|eot_id|>", AFS_ENCODE_PARSE_SPECIAL) == Ids{128009});
    CHECK(plugin.decode({128010, 128011, 128012, 128255}) ==
          "<|python_tag|><|image|><|reserved_special_token_2|><|reserved_special_token_245|>");
}

TEST_CASE("tiktoken files that are refused by name") {
    Plugin plugin;
    const TempFolder folder;
    const auto refuse = [&](const std::string& text, afs_status code, const char* says) {
        folder.write("tokenizer.model", text);
        CHECK(plugin.load(folder.path()) == code);
        CHECK_THAT(plugin.message(), Catch::Contains(says));
    };
    refuse(ranks(300), AFS_E_UNSUPPORTED, "has 300 ranks up to 300: expected the 128000");
    refuse("YQ== 0\nYQ== 1\n", AFS_E_INVALID, "token 'a' comes twice, with ids 0 and 1");
    refuse("YQ== 0\nYg== 0\n", AFS_E_INVALID, "id 0 belongs to two tokens, 'a' and 'b'");
    refuse("YQ== 0\nYg= 1\n", AFS_E_INVALID, "line 2 is 'Yg= 1'");
    refuse("YQ== 0\nYg==\n", AFS_E_INVALID, "line 2 is 'Yg=='");
    refuse("YQ== 0\nYg== 99999999\n", AFS_E_INVALID, "has id 99999999");
    refuse("YQ== 0\n" + base64(std::string(4097, 'b')) + " 1\n", AFS_E_INVALID,
           "line 2 holds a token of 4097 bytes");
    refuse("\x0a\x0e\x0a\x05<unk>", AFS_E_NOT_FOUND, "has no tokenizer");  // SentencePiece
}
