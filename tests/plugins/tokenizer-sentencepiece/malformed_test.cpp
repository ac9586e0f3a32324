// Broken and hostile model files: one message that names what is wrong, and no crash. The library
// itself follows what files say without looking.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>

#include "support.hpp"

using namespace tokenizer_test;

namespace {

// A normaliser's rules: a Darts array of 256 units, made by hand, and the texts it names.
struct Rules {
    std::vector<uint32_t> units = std::vector<uint32_t>(256);
    std::string texts = std::string("b\0", 2);
    static uint32_t node(char label, bool ends_rule, size_t at, size_t link) {
        return static_cast<uint8_t>(label) | (ends_rule ? 1u << 8 : 0) |
               static_cast<uint32_t>(at ^ link) << 10;
    }
    static uint32_t value(uint32_t text) { return 1u << 31 | text; }
    std::string bytes() const {
        const auto size = static_cast<uint32_t>(units.size() * 4);
        std::string out(4 + size, '\0');
        std::memcpy(out.data(), &size, 4);
        std::memcpy(out.data() + 4, units.data(), size);
        return out + texts;
    }
};

// "a" becomes "b": the root leads by 'a' to unit 0x60, which ends a rule with its text at 0x62.
Rules a_to_b() {
    Rules rules;
    rules.units[0] = Rules::node('\0', false, 0, 1);
    rules.units[0x60] = Rules::node('a', true, 0x60, 0x62);
    rules.units[0x62] = Rules::value(0);
    return rules;
}

// "a", "aa", … up to n of them each become "b".
Rules runs_of_a(size_t n) {
    Rules rules;
    rules.units[0] = Rules::node('\0', false, 0, 0x80);
    for (size_t base = 0x80; base < 0x80 + n; ++base) {
        rules.units[base ^ 'a'] = Rules::node('a', true, base ^ 'a', base + 1);
        rules.units[base + 1] = Rules::value(0);
    }
    return rules;
}

struct Case {
    const char* title;
    std::function<void(ModelFile&)> change;
    afs_status code;
    const char* says;
};

ModelFile::Piece& piece(ModelFile& model, size_t id) {
    return model.pieces[id];
}

const Case kCases[] = {
    {"empty piece", [](auto& m) { piece(m, 260).text = ""; }, AFS_E_INVALID, "piece 260 is empty"},
    {"no UTF-8", [](auto& m) { piece(m, 260).text = "a\xff"; }, AFS_E_INVALID,
     "piece 260 'a\\xff' is no text"},
    {"half a character", [](auto& m) { piece(m, 260).text = "\xe2\x96"; }, AFS_E_INVALID,
     "is no text"},
    {"a NUL", [](auto& m) { piece(m, 260).text = std::string("a\0b", 3); }, AFS_E_INVALID,
     "expected UTF-8 without NUL"},
    {"a huge piece", [](auto& m) { piece(m, 260).text = std::string(5000, 'a'); }, AFS_E_INVALID,
     "has 5000 bytes: expected at most 4096"},
    {"twice", [](auto& m) { piece(m, 260).text = "ab"; }, AFS_E_INVALID,
     "piece 'ab' comes twice, with ids 260 and 263"},
    {"type 0", [](auto& m) { piece(m, 260).type = 0; }, AFS_E_INVALID, "has type 0: expected 1"},
    {"type 7", [](auto& m) { piece(m, 260).type = 7; }, AFS_E_INVALID, "has type 0: expected 1"},
    {"a score that is none",
     [](auto& m) { piece(m, 260).score = std::numeric_limits<float>::quiet_NaN(); }, AFS_E_INVALID,
     "'a' has a score that is no finite number"},
    {"an endless score",
     [](auto& m) { piece(m, 260).score = std::numeric_limits<float>::infinity(); }, AFS_E_INVALID,
     "no finite number"},
    {"no unknown piece", [](auto& m) { piece(m, 0).type = 3; }, AFS_E_INVALID,
     "no piece has type 2"},
    {"two unknown pieces", [](auto& m) { piece(m, 1).type = 2; }, AFS_E_INVALID,
     "pieces 0 and 1 are both the unknown piece"},
    {"byte without a name", [](auto& m) { piece(m, 260).type = 6; }, AFS_E_INVALID,
     "'a' is a byte: expected a name as <0x0A>"},
    {"byte in lower case", [](auto& m) { piece(m, kByte + 10).text = "<0x0a>"; }, AFS_E_INVALID,
     "expected a name as <0x0A>"},
    {"a byte missing", [](auto& m) { piece(m, kByte + 10).type = 1; }, AFS_E_INVALID,
     "has 255 byte pieces: expected 256"},
    {"bytes without fallback", [](auto& m) { m.byte_fallback = false; }, AFS_E_INVALID,
     "has 256 byte pieces: expected none"},
    {"unknown algorithm", [](auto& m) { m.model_type = 9; }, AFS_E_UNSUPPORTED,
     "has model type 9: expected 1 (unigram)"},
    {"blanks behind words", [](auto& m) { m.whitespace_as_suffix = true; }, AFS_E_UNSUPPORTED,
     "treat_whitespace_as_suffix"},
    {"many user-defined pieces that begin alike",
     [](auto& m) {
         for (size_t n = 2; n < 70; ++n)
             m.pieces.push_back({std::string(n, 'x'), 0, AFS_PIECE_USER});
     },
     AFS_E_INVALID, "more than 64 user-defined pieces begin as 'xxx"},
    {"rules cut short", [](auto& m) { m.charsmap = "abc"; }, AFS_E_INVALID, "shorter than 4 bytes"},
    {"rules larger than they are", [](auto& m) { m.charsmap = a_to_b().bytes().substr(0, 1000); },
     AFS_E_INVALID, "an array of 1024 bytes, of which 996 are there"},
    {"an empty array", [](auto& m) { m.charsmap = std::string("\0\0\0\0b\0", 6); }, AFS_E_INVALID,
     "an array of 0 bytes: expected whole blocks"},
    {"texts without an end",
     [](auto& m) {
         Rules rules = a_to_b();
         rules.texts = "b";
         m.charsmap = rules.bytes();
     },
     AFS_E_INVALID, "do not end in NUL"},
    {"a text that is not there",
     [](auto& m) {
         Rules rules = a_to_b();
         rules.units[0x62] = Rules::value(2);
         m.charsmap = rules.bytes();
     },
     AFS_E_INVALID, "unit 98 names a text beyond the last"},
    {"a text without measure",
     [](auto& m) {
         Rules rules = a_to_b();
         rules.texts = std::string(1025, 'b') + '\0';
         m.charsmap = rules.bytes();
     },
     AFS_E_INVALID, "longer than 1024 bytes"},
    {"a link out of the array",
     [](auto& m) {
         Rules rules = a_to_b();
         rules.units[0x60] = Rules::node('a', false, 0x60, 0x160);
         m.charsmap = rules.bytes();
     },
     AFS_E_INVALID, "unit 96 leads out of the array"},
    {"a rule without a text",
     [](auto& m) {
         Rules rules = a_to_b();
         rules.units[0x62] = 0;
         m.charsmap = rules.bytes();
     },
     AFS_E_INVALID, "unit 96 ends a rule without text"},
    {"a loop",
     [](auto& m) {
         Rules rules = a_to_b();
         rules.units[0x60] = Rules::node('a', true, 0x60, 1);
         rules.units[1] = Rules::value(0);
         m.charsmap = rules.bytes();
     },
     AFS_E_INVALID, "unit 96 leads back"},
    {"a loop of NUL",
     [](auto& m) {
         Rules rules = a_to_b();
         rules.units[1] = Rules::node('\0', true, 1, 0x62);
         m.charsmap = rules.bytes();
     },
     AFS_E_INVALID, "unit 1 has a rule with NUL"},
    {"more rules than fit", [](auto& m) { m.charsmap = runs_of_a(33).bytes(); }, AFS_E_INVALID,
     "more than 32 rules begin alike"},
};

}  // namespace

TEST_CASE("a broken model is refused by name") {
    Plugin plugin;
    const TempFolder folder;
    folder.write("tokenizer.model", small_model().bytes());
    REQUIRE(plugin.load(folder.path()) == AFS_OK);
    for (const Case& c : kCases) {
        ModelFile model = small_model();
        c.change(model);
        folder.write("tokenizer.model", model.bytes());
        INFO(c.title);
        CHECK(plugin.load(folder.path()) == c.code);
        CHECK_THAT(plugin.message(),
                   Catch::Contains(c.says) && Catch::Contains("tokenizer.model'"));
    }
    CHECK(plugin.encode("ab") == Ids{264});  // the loaded one is still there
}

TEST_CASE("rules that are sound are followed") {
    ModelFile model = small_model();
    Plugin plugin;
    const TempFolder folder;
    model.charsmap = a_to_b().bytes();
    folder.write("tokenizer.model", model.bytes());
    REQUIRE(plugin.load(folder.path()) == AFS_OK);
    CHECK(plugin.encode("aab") == Ids{259, 261, 261, 261});
    model.charsmap = runs_of_a(32).bytes();
    folder.write("tokenizer.model", model.bytes());
    REQUIRE(plugin.load(folder.path()) == AFS_OK);
    CHECK(plugin.encode(std::string(33, 'a')) == Ids{259, 261, 261});
}

TEST_CASE("files that are no model") {
    Plugin plugin;
    const TempFolder folder;
    CHECK(plugin.load(folder.path()) == AFS_E_NOT_FOUND);
    CHECK_THAT(plugin.message(), Catch::Contains("tokenizer.model' does not exist"));
    for (const char* text : {"", "abc", "IQ== 0\n", "\x0a\x05\x0a\x09<unk>"}) {
        folder.write("tokenizer.model", text);
        CHECK(plugin.load(folder.path()) == AFS_E_INVALID);
        CHECK_THAT(plugin.message(), Catch::Contains("is no SentencePiece model"));
    }
    const std::string sound = small_model().bytes();
    for (size_t cut = 10; cut < sound.size(); cut += 7) {
        folder.write("tokenizer.model", sound.substr(0, cut));
        CHECK(plugin.load(folder.path()) != AFS_OK);
    }
}

TEST_CASE("random damage is an error or a tokenizer that works") {
    std::mt19937 random(11);
    ModelFile model = small_model();
    model.charsmap = runs_of_a(20).bytes();
    const std::string sound[] = {small_model().bytes(), model.bytes(),
                                 golden("sentencepiece/bpe.model"),
                                 golden("sentencepiece/unigram.model")};
    const TempFolder folder;
    size_t loaded = 0;
    for (int round = 0; round < 2000; ++round) {
        std::string bytes = sound[random() % 4];
        for (size_t hits = random() % 4 + 1; hits > 0; --hits) {
            const size_t at = random() % bytes.size();
            switch (random() % 3) {
                case 0: bytes[at] = static_cast<char>(random()); break;
                case 1: bytes.erase(at, random() % 4); break;
                default: bytes.insert(at, random() % 4, static_cast<char>(random()));
            }
        }
        folder.write("tokenizer.model", bytes);
        Plugin plugin;
        if (plugin.load(folder.path()) != AFS_OK) {
            CHECK(plugin.message().size() > 20);
            continue;
        }
        ++loaded;
        Ids ids;
        std::string text;
        if (plugin.try_encode("aaa ab\xff if \u00b2 <s>\uff21\u2026", 3, ids) != AFS_OK) continue;
        CHECK(plugin.try_decode(ids, 0, text) == AFS_OK);
    }
    CHECK(loaded > 20);
    CHECK(loaded < 1900);
}
