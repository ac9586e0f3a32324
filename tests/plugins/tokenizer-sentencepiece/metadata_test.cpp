// Vocabularies from a weight file's metadata: the ids of the model file they come from, what the
// flags say, and what is refused.
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <sstream>

#include "support.hpp"

using namespace tokenizer_test;

namespace {

void load(Plugin& plugin, VocabularyData data) {
    const afs_status status = plugin.load("model.gguf", data.view());
    INFO(plugin.message());
    REQUIRE(status == AFS_OK);
}

}  // namespace

TEST_CASE("the ids of the model file that the vocabulary was taken from") {
    Plugin file;
    REQUIRE(file.load(golden_path("sentencepiece/bpe.model")) == AFS_OK);
    VocabularyData data;
    data.model = "llama";
    data.pad_id = 3;
    std::istringstream pieces(golden("sentencepiece/bpe.pieces"));
    std::string text, score, type;
    while (std::getline(pieces, text, '\0') && std::getline(pieces, score, '\0') &&
           std::getline(pieces, type, '\0'))
        data.add(text, std::stoi(type), std::stof(score));
    REQUIRE(data.tokens.size() == 700);
    Plugin plugin;
    CHECK(plugin.score("model.gguf", data.view()) == 100);
    load(plugin, data);
    CHECK(std::string(plugin.info().summary) ==
          "SentencePiece BPE, 700 ids, byte fallback, from GGUF metadata");
    for (const std::string& line : golden_texts())
        for (const uint32_t flags : {kAdd, kAdd | kParse})
            CHECK(plugin.encode(line, flags) == file.encode(line, flags));
}

TEST_CASE("what the file does not say is as in Llama") {
    Plugin plugin;
    load(plugin, small_vocabulary());
    CHECK(plugin.info().bos_id == 1);
    CHECK(plugin.info().eos_id == 2);
    CHECK(plugin.info().adds_bos == 1);
    CHECK(plugin.encode("ab", kAdd) == Ids{1, 264});
    CHECK(plugin.encode("  b") == Ids{259, 259, 259, 261});
    VocabularyData data = small_vocabulary();
    data.types.clear();
    load(plugin, data);
    CHECK(plugin.encode("<s>c", kParse) == Ids{1, 259, kByte + 'c'});
    data = small_vocabulary();
    data.types[0] = AFS_PIECE_CONTROL;  // some converters
    load(plugin, data);
    CHECK(plugin.encode("ab") == Ids{264});
    data = small_vocabulary();
    data.types[1] = data.types[2] = AFS_PIECE_NORMAL;
    load(plugin, data);
    CHECK(plugin.info().bos_id == -1);
    CHECK(plugin.encode("ab", kAdd) == Ids{264});
}

TEST_CASE("what the file says is followed") {
    VocabularyData data = small_vocabulary();
    data.bos_id = 2;
    data.eos_id = 1;
    data.pad_id = 0;
    data.add_eos = 1;
    Plugin plugin;
    load(plugin, data);
    CHECK(plugin.encode("ab", kAdd) == Ids{2, 264, 1});
    CHECK(plugin.info().pad_id == 0);
    data.add_bos = data.add_eos = 0;
    data.add_space_prefix = 0;
    load(plugin, data);
    CHECK(plugin.encode("ab", kAdd) == Ids{263});
    CHECK(plugin.decode(plugin.encode(" ab")) == " ab");
    data.remove_extra_whitespaces = 1;
    load(plugin, data);
    CHECK(plugin.encode("  b   ab ") == plugin.encode("b ab"));
}

TEST_CASE("a hostile vocabulary is refused by name") {
    struct Case {
        const char* title;
        std::function<void(VocabularyData&)> change;
        afs_status code;
        const char* says;
    };
    const Case cases[] = {
        {"another model", [](auto& d) { d.model = "t5"; }, AFS_E_UNSUPPORTED, "is 't5': expected"},
        {"no tokens", [](auto& d) { d.tokens.clear(); }, AFS_E_INVALID, "empty vocabulary"},
        {"no scores", [](auto& d) { d.scores.clear(); }, AFS_E_INVALID, "merges by score"},
        {"empty token", [](auto& d) { d.tokens[260].clear(); }, AFS_E_INVALID,
         "piece 260 is empty"},
        {"token twice", [](auto& d) { d.tokens[260] = "ab"; }, AFS_E_INVALID,
         "'ab' comes twice, with ids 260 and 263"},
        {"bytes that are no text", [](auto& d) { d.tokens[260] = "a\xff"; }, AFS_E_INVALID,
         "is no text"},
        {"type 0", [](auto& d) { d.types[260] = 0; }, AFS_E_INVALID, "has type 0"},
        {"negative type", [](auto& d) { d.types[260] = -1; }, AFS_E_INVALID, "has type -1"},
        {"huge type", [](auto& d) { d.types[260] = 2147483647; }, AFS_E_INVALID,
         "has type 2147483647"},
        {"no number", [](auto& d) { d.scores[260] = std::numeric_limits<float>::quiet_NaN(); },
         AFS_E_INVALID, "no finite number"},
        {"a byte missing", [](auto& d) { d.types[kByte] = AFS_PIECE_NORMAL; }, AFS_E_INVALID,
         "has 255 byte pieces"},
        {"no unknown piece", [](auto& d) { d.types[0] = AFS_PIECE_NORMAL; }, AFS_E_INVALID,
         "no piece has type 2"},
        {"bos outside", [](auto& d) { d.bos_id = 266; }, AFS_E_INVALID,
         "tokenizer.ggml.bos_token_id is 266: the vocabulary has 266 tokens"},
        {"eos negative", [](auto& d) { d.eos_id = -7; }, AFS_E_INVALID, "eos_token_id is -7"},
        {"pad outside", [](auto& d) { d.pad_id = 2147483647; }, AFS_E_INVALID, "padding_token_id"},
        {"unknown outside", [](auto& d) { d.unknown_id = 266; }, AFS_E_INVALID, "unknown_token_id"},
        {"bos wanted but missing", [](auto& d) { d.types[1] = AFS_PIECE_NORMAL, d.add_bos = 1; },
         AFS_E_INVALID, "bos_token_id is missing"},
        {"eos wanted but missing", [](auto& d) { d.types[2] = AFS_PIECE_NORMAL, d.add_eos = 1; },
         AFS_E_INVALID, "eos_token_id is missing"},
    };
    Plugin plugin;
    load(plugin, small_vocabulary());
    for (const Case& c : cases) {
        VocabularyData data = small_vocabulary();
        c.change(data);
        INFO(c.title);
        CHECK(plugin.load("model.gguf", data.view()) == c.code);
        CHECK_THAT(plugin.message(), Catch::Contains(c.says) && Catch::Contains("'model.gguf'"));
    }
    VocabularyData sound = small_vocabulary();
    afs_vocabulary vocabulary = *sound.view();
    vocabulary.tokens = nullptr;
    CHECK(plugin.load("model.gguf", &vocabulary) == AFS_E_INVALID);
    vocabulary.model = nullptr;
    CHECK(plugin.score("model.gguf", &vocabulary) == 0);
    CHECK(plugin.encode("ab") == Ids{264});  // the loaded one is still there
}
