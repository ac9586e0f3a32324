// Configurations and tokenizers of checkpoints that are not what they should be, through the
// program: exit 1 or 3 and one message with file, key, expected and found.
#include <functional>

#include "support/refused_run.hpp"
#include "support/small_checkpoint.hpp"

using namespace afs::test;

namespace {

struct TextCase {
    std::string title;
    std::function<void(SmallCheckpoint&)> damage;
    std::vector<std::string> says;
};

std::string without_end(const std::string& object) {
    return object.substr(0, object.size() - 1);
}
std::string nested(const std::string& object) {
    return without_end(object) + ",\"x\":" + std::string(100000, '[') + std::string(100000, ']') +
           "}";
}
// The pre-tokenizer that splits by this expression.
Json split_by(const std::string& expression) {
    return {{"type", "Sequence"},
            {"pretokenizers",
             {{{"type", "Split"},
               {"pattern", {{"Regex", expression}}},
               {"behavior", "Isolated"},
               {"invert", false}},
              {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
}

const std::vector<TextCase> kConfigs = {
    {"empty", [](auto& c) { c.files["config.json"] = ""; }, {"config.json:1", "end of input"}},
    {"cut",
     [](auto& c) { c.files["config.json"] = without_end(c.config.dump()); },
     {"config.json:1", "end of input"}},
    {"no object",
     [](auto& c) { c.files["config.json"] = "[1]"; },
     {"config.json:1", "expected an object, found a list"}},
    {"deep",
     [](auto& c) { c.files["config.json"] = nested(c.config.dump()); },
     {"config.json:1", "nested deeper than 64 levels"}},
    {"a key twice",
     [](auto& c) { c.files["config.json"] = without_end(c.config.dump()) + ",\"hidden_size\":8}"; },
     {"config.json:1", "key 'hidden_size' appears twice"}},
    {"a NUL byte",
     [](auto& c) { c.files["config.json"] = c.config.dump() + std::string("\0{}", 3); },
     {"config.json", "NUL"}},
    {"not UTF-8",
     [](auto& c) { c.files["config.json"] = without_end(c.config.dump()) + ",\"x\":\"\xff\"}"; },
     {"config.json:1", "ill-formed UTF-8"}},
    {"a million values",
     [](auto& c) {
         std::string list = "0";
         for (int i = 0; i < 1000000; ++i) list += ",0";
         c.files["config.json"] = without_end(c.config.dump()) + ",\"x\":[" + list + "]}";
     },
     {"config.json:1", "more than 100000 values"}},
    {"unknown family",
     [](auto& c) {
         c.config["model_type"] = "qwen2";
         c.config["architectures"] = {"Qwen2ForCausalLM"};
     },
     {"no model plugin knows", "model_type \"qwen2\"", "Qwen2ForCausalLM", "llama3: not its kind"}},
    {"two families",
     [](auto& c) { c.config["architectures"] = {"Olmo2ForCausalLM"}; },
     {"no model plugin knows", "model_type \"llama\"", "Olmo2ForCausalLM"}},
    {"biases",
     [](auto& c) { c.config["attention_bias"] = true; },
     {"attention_bias is true, expected false"}},
    {"no heads",
     [](auto& c) { c.config["num_attention_heads"] = 0; },
     {"num_attention_heads is 0, expected a whole number from 1"}},
    {"heads that do not divide",
     [](auto& c) { c.config["num_attention_heads"] = 3; },
     {"num_attention_heads is 3, expected a divisor of hidden_size 8"}},
    {"kv heads that do not divide",
     [](auto& c) {
         c.config["num_attention_heads"] = 4;
         c.config["num_key_value_heads"] = 3;
     },
     {"num_key_value_heads is 3, expected a divisor of num_attention_heads 4"}},
    {"a negative size",
     [](auto& c) { c.config["hidden_size"] = -8; },
     {"hidden_size is -8, expected a whole number from 1"}},
    {"a text as a size",
     [](auto& c) { c.config["hidden_size"] = "8"; },
     {"hidden_size is \"8\", expected a whole number"}},
    {"more than any model",
     [](auto& c) { c.config["num_hidden_layers"] = 1000000000; },
     {"num_hidden_layers is 1000000000, expected a whole number from 1 to 1024"}},
    {"as large as is let through, rows",
     [](auto& c) { c.config["vocab_size"] = 1 << 24; },
     {"'model.embed_tokens.weight'", "expected shape [16777216, 8]", "found [300, 8]"}},
    {"as large as is let through, layers",
     [](auto& c) { c.config["num_hidden_layers"] = 1024; },
     {"9207 tensors are missing"}},
    {"an end that no row has",
     [](auto& c) { c.config["eos_token_id"] = 300; },
     {"eos_token_id is 300, expected token ids below vocab_size 300"}},
    {"generation_config.json cut",
     [](auto& c) { c.files["generation_config.json"] = "{\"eos_token_id\": "; },
     {"generation_config.json:1", "end of input"}},
    {"tokenizer_config.json cut",
     [](auto& c) { c.files["tokenizer_config.json"] = "{\"chat_template\": "; },
     {"tokenizer_config.json:1", "end of input"}},
};

const std::vector<TextCase> kTokenizers = {
    {"empty",
     [](auto& c) { c.files["tokenizer.json"] = ""; },
     {"no tokenizer plugin knows", "tokenizer.json of 0 bytes", "bpe: cannot read these files"}},
    {"cut",
     [](auto& c) { c.files["tokenizer.json"] = without_end(c.tokenizer.dump()); },
     {"tokenizer.json'", "end of input"}},
    {"deep",
     [](auto& c) { c.files["tokenizer.json"] = nested(c.tokenizer.dump()); },
     {"tokenizer.json'", "nested deeper than 64 levels"}},
    {"a key twice",
     [](auto& c) {
         c.files["tokenizer.json"] = without_end(c.tokenizer.dump()) + ",\"model\":{}}";
     },
     {"tokenizer.json'", "key 'model' comes twice"}},
    {"a token twice",
     [](auto& c) {
         std::string text = c.tokenizer.dump();
         text.replace(text.find("\"a\":97"), 6, "\"a\":97,\"a\":98");
         c.files["tokenizer.json"] = text;
     },
     {"tokenizer.json'", "token 'a' comes twice, with ids 97 and 98"}},
    {"an id twice",
     [](auto& c) { c.tokenizer["model"]["vocab"]["ab"] = 97; },
     {"tokenizer.json'", "id 97 belongs to two tokens, 'a' and 'ab'"}},
    {"unknown pre-tokenizer",
     [](auto& c) {
         c.tokenizer["pre_tokenizer"] = {{"type", "Whitespace"}};
     },
     {"tokenizer.json'", "pre_tokenizer is 'Whitespace': expected ByteLevel, Split"}},
    {"an expression that is none",
     [](auto& c) { c.tokenizer["pre_tokenizer"] = split_by("(a"); },
     {"tokenizer.json'", "cannot compile expression '(a'"}},
    {"a merge of what is no token",
     [](auto& c) {
         c.tokenizer["model"]["merges"] = Json::array({Json::array({"a", "zz"})});
     },
     {"tokenizer.json'", "merge 0 ('a' with 'zz') needs token 'zz'"}},
    {"a merge into what is no token",
     [](auto& c) {
         c.tokenizer["model"]["merges"] = Json::array({Json::array({"a", "b"})});
     },
     {"tokenizer.json'", "merge 0 ('a' with 'b') needs token 'ab'"}},
    {"more ids than rows",
     [](auto& c) { c.tokenizer["model"]["vocab"]["ab"] = 300; },
     {"the tokenizer has 301 ids", "only 300 rows"}},
    {"the largest id there may be",
     [](auto& c) { c.tokenizer["model"]["vocab"]["ab"] = (1 << 22) - 1; },
     {"the tokenizer has 4194304 ids", "only 300 rows"}},
    {"a larger one",
     [](auto& c) { c.tokenizer["model"]["vocab"]["ab"] = int64_t{1} << 40; },
     {"tokenizer.json'", "has id 1099511627776: expected 0 to 4194303"}},
};

void check_refused_all(const std::vector<TextCase>& cases) {
    for (const TextCase& c : cases) {
        INFO(c.title);
        const TempFolder folder;
        SmallCheckpoint checkpoint;
        c.damage(checkpoint);
        checkpoint.write(folder);
        check_refused(run_model(folder.path().string()), c.says);
    }
}

}  // namespace

TEST_CASE("configurations that cannot be used say why") {
    check_refused_all(kConfigs);
}

TEST_CASE("tokenizers that cannot be used say why") {
    check_refused_all(kTokenizers);
}

TEST_CASE("each key that a configuration must have is named when it is absent") {
    for (const char* key :
         {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
          "max_position_embeddings", "rms_norm_eps", "rope_theta", "vocab_size"}) {
        const TempFolder folder;
        SmallCheckpoint checkpoint;
        checkpoint.config.erase(key);
        checkpoint.write(folder);
        check_refused(run_model(folder.path().string()),
                      {std::string(key) + " is missing, expected"});
    }
}

TEST_CASE("what is odd and harmless runs: merges twice, fewer ids than rows, a long context") {
    const TempFolder folder;
    SmallCheckpoint checkpoint;
    checkpoint.tokenizer["model"]["vocab"]["ab"] = 257;
    checkpoint.tokenizer["model"]["merges"] =
        Json::array({Json::array({"a", "b"}), Json::array({"a", "b"})});
    checkpoint.config["max_position_embeddings"] = 1 << 30;
    checkpoint.write(folder);
    const auto run = run_model(folder.path().string(), {"--set", "engine.max_context=64"});
    INFO(run.err);
    CHECK(run.exit_code == 0);
}

TEST_CASE("texts of 64 GB without a block on the disk are not collected") {
    const TempFolder folder;
    for (const std::string name : {"config.json", "generation_config.json", "tokenizer.json",
                                   "tokenizer_config.json", "special_tokens_map.json"}) {
        SmallCheckpoint checkpoint;
        checkpoint.write(folder);
        std::filesystem::resize_file(folder.write(name, "{"), uint64_t{64} << 30);
        INFO(name);
        check_refused(run_model(folder.path().string()), {name});
        std::filesystem::remove(folder.path() / name);
    }
}

TEST_CASE("an expression that would search for ever is stopped") {
    const TempFolder folder;
    SmallCheckpoint checkpoint;
    checkpoint.tokenizer["pre_tokenizer"] = split_by("(?:a|aa)+[cd]");
    checkpoint.write(folder);
    check_refused(run_model(folder.path().string(), {"-p", std::string(64, 'a') + "e"}),
                  {"expression"});
}
