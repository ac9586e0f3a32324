// Vocabularies from a weight file's metadata: the ids of the tokenizer.json they come from, what
// the flags say, and what is refused.
#include <catch2/catch.hpp>
#include <functional>
#include <random>
#include <sstream>

#include "support.hpp"
#include "support/vocabulary_data.hpp"

using namespace tokenizer_test;
using nlohmann::json;

namespace {

// The same tokenizer as a GGUF file holds it, where added tokens have no flags but their type.
VocabularyData metadata_of(const json& document, const std::string& pre) {
    VocabularyData out;
    out.model = "gpt2";
    out.pre = pre;
    const auto put = [&](size_t id, const std::string& token, int32_t type) {
        if (id >= out.tokens.size()) {
            out.tokens.resize(id + 1);
            out.types.resize(id + 1, AFS_PIECE_UNUSED);
        }
        out.tokens[id] = token;
        out.types[id] = type;
    };
    for (const auto& [token, id] : document["model"]["vocab"].items())
        put(id.get<size_t>(), token, AFS_PIECE_NORMAL);
    for (const json& token : document["added_tokens"])
        put(token["id"].get<size_t>(), token["content"],
            token["special"].get<bool>() ? AFS_PIECE_CONTROL : AFS_PIECE_USER);
    for (const json& merge : document["model"]["merges"])
        out.merges.push_back(merge.is_string()
                                 ? merge.get<std::string>()
                                 : merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    return out;
}

VocabularyData small(const std::string& pre = "gpt-2") {
    VocabularyData data = metadata_of(small_tokenizer(), pre);
    data.bos_id = 261;
    data.eos_id = 262;
    return data;
}

json split_by(const char* regex) {
    return {{"type", "Split"},
            {"pattern", {{"Regex", regex}}},
            {"behavior", "Isolated"},
            {"invert", false}};
}
json byte_level(bool regex) {
    return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", regex}};
}
json sequence(const json& first, const json& second) {
    return {{"type", "Sequence"}, {"pretokenizers", {first, second}}};
}

// As the published tokenizer.json files of these families have them.
constexpr const char* kCl100k =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kO200k =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

}  // namespace

TEST_CASE("each pre-tokenizer gives the ids of the tokenizer.json that spells it out") {
    struct Case {
        const char* pre;
        json steps;
        bool ignore_merges;
    };
    const Case cases[] = {
        {"gpt-2", byte_level(true), false},
        {"smollm", sequence({{"type", "Digits"}, {"individual_digits", true}}, byte_level(true)),
         false},
        {"llama-bpe", sequence(split_by(kCl100k), byte_level(false)), true},
        {"dbrx", sequence(split_by(kCl100k), byte_level(false)), false},
        {"tekken", sequence(split_by(kTekken), byte_level(false)), true},
        {"gpt-4o", sequence(split_by(kO200k), byte_level(false)), false},
    };
    json document = json::parse(golden("isolated.json"));
    document["post_processor"] = nullptr;
    for (json& token : document["added_tokens"])
        token["lstrip"] = token["rstrip"] = token["single_word"] = token["normalized"] = false;
    for (const Case& c : cases) {
        DYNAMIC_SECTION(c.pre) {
            document["pre_tokenizer"] = c.steps;
            document["model"]["ignore_merges"] = c.ignore_merges;
            const TempFolder folder;
            folder.write("tokenizer.json", document.dump());
            Plugin from_json, from_metadata;
            REQUIRE(from_json.load(folder.path()) == AFS_OK);
            VocabularyData data = metadata_of(document, c.pre);
            data.bos_id = 260;
            const afs_status status = from_metadata.load("model.gguf", data.view());
            INFO(from_metadata.message());
            REQUIRE(status == AFS_OK);
            CHECK(from_metadata.info().n_vocab == from_json.info().n_vocab);
            std::istringstream lines(golden("inputs.jsonl"));
            size_t n = 0;
            for (std::string line; std::getline(lines, line); ++n) {
                INFO(line);
                for (const uint32_t flags : {0u, uint32_t{AFS_ENCODE_PARSE_SPECIAL}})
                    CHECK(from_metadata.encode(line, flags) == from_json.encode(line, flags));
            }
            CHECK(n > 300);
        }
    }
}

TEST_CASE("types tell special, added and missing tokens") {
    VocabularyData data = small();
    data.add("<pad>", AFS_PIECE_UNUSED);
    data.add("end", AFS_PIECE_UNKNOWN);
    data.unknown_id = 265;
    Plugin plugin;
    CHECK(plugin.score("model.gguf", data.view()) == 100);
    REQUIRE(plugin.load("model.gguf", data.view()) == AFS_OK);
    CHECK(plugin.info().n_vocab == 266);
    CHECK(plugin.info().bos_id == 261);
    CHECK(plugin.info().eos_id == 262);
    CHECK(plugin.info().pad_id == -1);
    CHECK(std::string(plugin.info().summary) ==
          "byte-level BPE, 266 ids, 5 merges, from GGUF metadata (gpt-2)");
    CHECK(plugin.encode("<s>hello<x>", AFS_ENCODE_PARSE_SPECIAL) == Ids{261, 259, 263});
    CHECK(plugin.encode("<s>hello<x>") == Ids{'<', 's', '>', 259, 263});
    CHECK(plugin.decode({261, 'a'}, AFS_DECODE_SKIP_SPECIAL) == "a");
    int32_t kind = -1;
    std::string bytes;
    for (const auto& [id, want] : {std::pair{264, AFS_TOKEN_UNUSED},
                                   {265, AFS_TOKEN_SPECIAL},
                                   {263, AFS_TOKEN_ADDED},
                                   {259, AFS_TOKEN_NORMAL}}) {
        REQUIRE(plugin.try_token(id, kind, bytes) == AFS_OK);
        CHECK(kind == want);
    }
}

TEST_CASE("without types the roles are special and all else is text") {
    VocabularyData data = small();
    data.types.clear();
    Plugin plugin;
    REQUIRE(plugin.load("model.gguf", data.view()) == AFS_OK);
    CHECK(plugin.encode("<s><x>", AFS_ENCODE_PARSE_SPECIAL) == Ids{261, '<', 'x', '>'});
    CHECK(plugin.decode({261, 263, 262}, AFS_DECODE_SKIP_SPECIAL) == "<x>");
}

TEST_CASE("BOS and EOS are added as the flags say, else as the pre-tokenizer's models do") {
    const auto ids = [](const std::string& pre, int32_t add_bos, int32_t add_eos) {
        VocabularyData data = small(pre);
        data.add_bos = add_bos;
        data.add_eos = add_eos;
        Plugin plugin;
        REQUIRE(plugin.load("model.gguf", data.view()) == AFS_OK);
        CHECK(plugin.encode("a") == Ids{'a'});
        const Ids out = plugin.encode("a", AFS_ENCODE_ADD_SPECIAL);
        CHECK(plugin.info().adds_bos == (out[0] == 261 ? 1 : 0));
        return out;
    };
    CHECK(ids("gpt-2", -1, -1) == Ids{'a'});
    CHECK(ids("llama-bpe", -1, -1) == Ids{261, 'a'});
    CHECK(ids("llama-bpe", 0, -1) == Ids{'a'});
    CHECK(ids("dbrx", 1, 1) == Ids{261, 'a', 262});
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
        {"no pre-tokenizer", [](auto& d) { d.pre.clear(); }, AFS_E_UNSUPPORTED,
         "tokenizer.ggml.pre is missing: expected one of gpt-2, smollm, llama-bpe"},
        {"unknown pre-tokenizer", [](auto& d) { d.pre = "falcon"; }, AFS_E_UNSUPPORTED,
         "'falcon': expected one of gpt-2, smollm"},
        {"no tokens", [](auto& d) { d.tokens.clear(); }, AFS_E_INVALID, "empty vocabulary"},
        {"no merges", [](auto& d) { d.merges.clear(); }, AFS_E_INVALID, "needs merges"},
        {"empty token", [](auto& d) { d.tokens[7].clear(); }, AFS_E_INVALID, "token 7 is empty"},
        {"empty control token", [](auto& d) { d.tokens[261].clear(); }, AFS_E_INVALID,
         "token 261 is empty"},
        {"token twice", [](auto& d) { d.tokens[7] = "he"; }, AFS_E_INVALID,
         "'he' comes twice, with ids 7 and 256"},
        {"added token twice", [](auto& d) { d.tokens[262] = "<s>"; }, AFS_E_INVALID,
         "'<s>' comes twice, with ids 261 and 262"},
        {"added and normal", [](auto& d) { d.tokens[262] = "hello"; }, AFS_E_INVALID,
         "has id 262, but the vocabulary gives it 259"},
        {"bytes that are no text", [](auto& d) { d.tokens[7] = "a\xff"; }, AFS_E_INVALID,
         "'a\\xff' is not UTF-8"},
        {"half a character", [](auto& d) { d.tokens[7] = "\xe2\x96"; }, AFS_E_INVALID,
         "is not UTF-8"},
        {"type 0", [](auto& d) { d.types[7] = 0; }, AFS_E_INVALID, "has type 0: expected 1"},
        {"huge type", [](auto& d) { d.types[7] = 2147483647; }, AFS_E_INVALID,
         "has type 2147483647"},
        {"byte type", [](auto& d) { d.types[7] = AFS_PIECE_BYTE; }, AFS_E_INVALID, "has type 6"},
        {"dangling part", [](auto& d) { d.merges[2] = "q\u0120 ll"; }, AFS_E_INVALID,
         "merge 2 ('q\u0120' with 'll') needs token 'q\u0120'"},
        {"dangling result", [](auto& d) { d.merges[2] = "q u"; }, AFS_E_INVALID,
         "needs token 'qu'"},
        {"part is unused", [](auto& d) { d.types[257] = AFS_PIECE_UNUSED; }, AFS_E_INVALID,
         "needs token 'll'"},
        {"empty merge", [](auto& d) { d.merges[2].clear(); }, AFS_E_INVALID, "merge 2 is ''"},
        {"merge of one", [](auto& d) { d.merges[2] = "he"; }, AFS_E_INVALID, "merge 2 is 'he'"},
        {"merge of three", [](auto& d) { d.merges[2] = "h e l"; }, AFS_E_INVALID, "'h e l'"},
        {"merge that is no text", [](auto& d) { d.merges[2] = "he \xff"; }, AFS_E_INVALID,
         "'he \\xff'"},
        {"bos outside", [](auto& d) { d.bos_id = 264; }, AFS_E_INVALID,
         "tokenizer.ggml.bos_token_id is 264: the vocabulary has no such token"},
        {"eos negative", [](auto& d) { d.eos_id = -7; }, AFS_E_INVALID, "eos_token_id is -7"},
        {"pad on a hole",
         [](auto& d) { d.pad_id = static_cast<int32_t>(d.add("p", AFS_PIECE_UNUSED)); },
         AFS_E_INVALID, "padding_token_id is 264"},
        {"unknown huge", [](auto& d) { d.unknown_id = 2147483647; }, AFS_E_INVALID,
         "unknown_token_id is 2147483647"},
        {"bos wanted but missing", [](auto& d) { d.bos_id = -1, d.add_bos = 1; }, AFS_E_INVALID,
         "bos_token_id is missing"},
        {"eos wanted but missing", [](auto& d) { d.eos_id = -1, d.add_eos = 1; }, AFS_E_INVALID,
         "eos_token_id is missing"},
    };
    Plugin plugin;
    REQUIRE(plugin.load("model.gguf", small().view()) == AFS_OK);
    for (const Case& c : cases) {
        VocabularyData data = small();
        c.change(data);
        INFO(c.title);
        CHECK(plugin.load("model.gguf", data.view()) == c.code);
        CHECK_THAT(plugin.message(), Catch::Contains(c.says) && Catch::Contains("'model.gguf'"));
    }
    CHECK(plugin.encode("hello") == Ids{259});  // the loaded one is still there
}

TEST_CASE("arrays that are not there at all") {
    VocabularyData data = small();
    Plugin plugin;
    afs_vocabulary vocabulary = *data.view();
    vocabulary.tokens = nullptr;
    CHECK(plugin.load("model.gguf", &vocabulary) == AFS_E_INVALID);
    vocabulary = *data.view();
    vocabulary.merges = nullptr;
    CHECK(plugin.load("model.gguf", &vocabulary) == AFS_E_INVALID);
    vocabulary = *data.view();
    vocabulary.model = nullptr;
    CHECK(plugin.score("model.gguf", &vocabulary) == 0);
    CHECK(plugin.load("model.gguf", &vocabulary) == AFS_E_UNSUPPORTED);
    vocabulary = *data.view();
    vocabulary.n_tokens = 0xffffffffu;
    CHECK(plugin.load("model.gguf", &vocabulary) == AFS_E_INVALID);
    CHECK_THAT(plugin.message(), Catch::Contains("has 4294967295 entries: expected at most"));
}

TEST_CASE("random damage is an error or a tokenizer that works") {
    std::mt19937 random(11);
    size_t loaded = 0;
    for (int round = 0; round < 3000; ++round) {
        VocabularyData data = small();
        for (size_t hits = random() % 3 + 1; hits > 0; --hits) {
            std::string& token = data.tokens[random() % data.tokens.size()];
            std::string& merge = data.merges[random() % data.merges.size()];
            switch (random() % 6) {
                case 0:
                    token.insert(random() % (token.size() + 1), 1, static_cast<char>(random()));
                    break;
                case 1: token.clear(); break;
                case 2:
                    data.types[random() % data.types.size()] = static_cast<int32_t>(random() % 8);
                    break;
                case 3: merge[random() % merge.size()] = static_cast<char>(random()); break;
                case 4: data.tokens.pop_back(), data.types.pop_back(); break;
                default: data.bos_id = static_cast<int32_t>(random());
            }
        }
        Plugin plugin;
        if (plugin.load("model.gguf", data.view()) != AFS_OK) {
            CHECK(plugin.message().size() > 20);
            continue;
        }
        ++loaded;
        Ids ids;
        if (plugin.try_encode("hello w\xff<s>", 3, ids) == AFS_OK) CHECK_FALSE(ids.empty());
    }
    CHECK(loaded > 100);
    CHECK(loaded < 2900);
}
