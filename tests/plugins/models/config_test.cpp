// What olmo2 and llama3 accept as a configuration, what they refuse and in which words, and the
// facts they report.
#include <catch2/catch.hpp>

#include <cmath>
#include <string>
#include <vector>

#include "support/model_file.hpp"

using afs::test::ModelFile;

namespace {

const std::string kOlmo2 = R"({
  "architectures": ["Olmo2ForCausalLM"], "model_type": "olmo2", "attention_bias": false,
  "eos_token_id": 90, "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 96,
  "max_position_embeddings": 4096, "num_attention_heads": 4, "num_hidden_layers": 2,
  "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 500000,
  "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 100 })";

const std::string kLlama = R"({
  "architectures": ["LlamaForCausalLM"], "model_type": "llama", "attention_bias": false,
  "bos_token_id": 80, "eos_token_id": [81, 82], "head_dim": 32, "hidden_act": "silu",
  "hidden_size": 64, "intermediate_size": 96, "max_position_embeddings": 131072,
  "mlp_bias": false, "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 2,
  "rms_norm_eps": 1e-05, "rope_theta": 500000.0, "tie_word_embeddings": true,
  "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                   "original_max_position_embeddings": 8192, "rope_type": "llama3"},
  "dtype": "float32", "vocab_size": 100 })";

std::string with(std::string text, const std::string& from, const std::string& to) {
    const size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

const afs_value* value(const afs_graph& graph, const std::string& tag) {
    for (uint32_t i = 0; i < graph.n_values; ++i)
        if (graph.values[i]->tag == tag) return graph.values[i];
    return nullptr;
}
const afs_node* node(const afs_graph& graph, const std::string& tag) {
    for (uint32_t i = 0; i < graph.n_nodes; ++i)
        if (graph.values[graph.nodes[i]->output]->tag == tag) return graph.nodes[i];
    return nullptr;
}

}  // namespace

TEST_CASE("each family scores its own files and no other") {
    ModelFile olmo2("olmo2"), llama3("llama3");
    struct Case {
        std::string config;
        int olmo2, llama3;
    };
    const std::vector<Case> cases = {
        {kOlmo2, 100, 0},
        {kLlama, 0, 100},
        {R"({"model_type": "llama"})", 0, 100},
        {R"({"architectures": ["Olmo2ForCausalLM"]})", 100, 0},
        {R"({"model_type": "olmo", "architectures": ["OlmoForCausalLM"]})", 0, 0},
        {R"({"model_type": "mistral", "architectures": ["LlamaForCausalLM"]})", 0, 0},
        {R"({"model_type": "llama", "architectures": ["LlamaForSequenceClassification"]})", 0, 0},
        {R"({"model_type": 3, "architectures": {"a": 1}})", 0, 0},
        {"{}", 0, 0},
        {"[]", 0, 0},
        {"", 0, 0},
        {"not json \xff", 0, 0},
        {std::string(100000, '['), 0, 0},
    };
    for (const Case& c : cases) {
        CAPTURE(c.config.substr(0, 80));
        CHECK(olmo2.score(c.config) == c.olmo2);
        CHECK(llama3.score(c.config) == c.llama3);
    }
}

TEST_CASE("olmo2: facts and graph of a grouped configuration") {
    ModelFile plugin("olmo2");
    const afs_graph* graph = plugin.build(kOlmo2, AFS_BF16);
    REQUIRE(graph);
    CHECK(std::string(plugin.info.summary) ==
          "olmo2, 2 layers, hidden 64, 4 heads (2 kv) x 16, ffn 96");
    CHECK(plugin.info.context_length == 4096);
    CHECK(plugin.info.vocab_rows == 100);
    CHECK(plugin.info.bos_id == -1);
    CHECK(plugin.info.checkpoint_dtype == AFS_BF16);
    REQUIRE(plugin.info.n_stop_ids == 1);
    CHECK(plugin.info.stop_ids[0] == 90);
    CHECK(std::isnan(plugin.info.temperature));
    CHECK(plugin.info.top_k == -1);

    CHECK(value(*graph, "L1.attn.q_norm.weight")->dims[0] == 64);
    CHECK(value(*graph, "L1.attn.k_norm.weight")->dims[0] == 32);
    CHECK(value(*graph, "L0.attn.norm") == nullptr);
    CHECK(value(*graph, "logits")->dims[0] == AFS_DIM_ROWS);
    CHECK(value(*graph, "logits")->dims[1] == 100);
    CHECK(value(*graph, "embed.weight")->dtype == AFS_DTYPE_NONE);
    const auto* norm = static_cast<const afs_rms_norm_params*>(node(*graph, "final.norm")->params);
    CHECK(norm->weight_before_cast == 1);
    CHECK(norm->eps == 1e-6f);
    const auto* rope = static_cast<const afs_rope_params*>(node(*graph, "L1.attn.k_rope")->params);
    CHECK(rope->table_in_act_dtype == 0);
    CHECK(rope->theta == 500000.0);
    CHECK(rope->scaling == AFS_ROPE_PLAIN);
    CHECK(node(*graph, "L1.attn.ctx")->layer == 1);
    CHECK(node(*graph, "logits")->layer == -1);
    REQUIRE(graph->n_outputs == 2);
    CHECK(std::string(graph->values[graph->outputs[0]]->tag) == "logits");
    CHECK(std::string(graph->values[graph->outputs[1]]->tag) == "sampled");
    CHECK(std::string(graph->ignored_tensors) == "*.rotary_emb.inv_freq");
}

TEST_CASE("llama3: facts and graph of a tied configuration with scaled rope") {
    ModelFile plugin("llama3");
    const afs_graph* graph = plugin.build(
        kLlama, AFS_BF16,
        R"({"eos_token_id": [82, 83], "do_sample": true, "temperature": 0.6, "top_p": 0.9})");
    REQUIRE(graph);
    CHECK(std::string(plugin.info.summary) ==
          "llama3, 2 layers, hidden 64, 4 heads (2 kv) x 32, ffn 96, tied head");
    CHECK(plugin.info.bos_id == 80);
    CHECK(plugin.info.checkpoint_dtype == AFS_F32);
    const std::vector<int32_t> stops(plugin.info.stop_ids,
                                     plugin.info.stop_ids + plugin.info.n_stop_ids);
    CHECK(stops == std::vector<int32_t>{82, 83, 81});
    CHECK(plugin.info.temperature == 0.6f);
    CHECK(plugin.info.top_p == 0.9f);
    CHECK(plugin.info.top_k == -1);

    const afs_node* head = node(*graph, "logits");
    CHECK(std::string(graph->values[head->inputs[1]]->tag) == "embed.weight");
    CHECK(value(*graph, "lm_head.weight") == nullptr);
    REQUIRE(graph->n_weights == 2 + 2 * 9);
    CHECK(std::string(graph->weights[0]->names) == "model.embed_tokens.weight");
    CHECK(std::string(graph->weights[0]->duplicates) == "lm_head.weight");
    CHECK(value(*graph, "L0.attn.q.weight")->dims[0] == 128);
    CHECK(value(*graph, "L0.attn.out.weight")->dims[1] == 128);
    const auto* norm = static_cast<const afs_rms_norm_params*>(node(*graph, "L1.mlp.norm")->params);
    CHECK(norm->weight_before_cast == 0);
    const auto* rope = static_cast<const afs_rope_params*>(node(*graph, "L0.attn.q_rope")->params);
    CHECK(rope->table_in_act_dtype == 1);
    CHECK(rope->scaling == AFS_ROPE_LLAMA3);
    CHECK(rope->factor == 32.0f);
    CHECK(rope->low_freq_factor == 1.0f);
    CHECK(rope->high_freq_factor == 4.0f);
    CHECK(rope->original_max_position == 8192);
    CHECK(rope->head_dim == 32);
    const auto* attention =
        static_cast<const afs_attention_params*>(node(*graph, "L0.attn.ctx")->params);
    CHECK(attention->scale == Approx(0.1767766953));
}

TEST_CASE("sampling defaults count as transformers means them") {
    ModelFile plugin("llama3");
    const auto read = [&plugin](const char* generation) {
        REQUIRE(plugin.build(kLlama, AFS_F32, generation));
        return plugin.info;
    };
    const float none = std::nanf("");
    struct Case {
        const char* generation;
        float temperature, top_p;
        int32_t top_k;
        float min_p, repetition_penalty;
    };
    const std::vector<Case> cases = {
        {"{}", none, none, -1, 0, 0},
        {R"({"temperature": 0.6, "top_p": 0.9, "top_k": 50})", none, none, -1, 0, 0},
        {R"({"do_sample": false, "temperature": 0.6, "top_k": 5})", 0, none, -1, 0, 0},
        {R"({"do_sample": true})", 1, none, -1, 0, 0},
        {R"({"do_sample": true, "temperature": 0, "top_k": 0})", 0, none, 0, 0, 0},
        {R"({"do_sample": true, "temperature": 0.7, "top_p": 0.5, "top_k": 40, "min_p": 0.05})",
         0.7f, 0.5f, 40, 0.05f, 0},
        {R"({"do_sample": null, "repetition_penalty": 1.1})", none, none, -1, 0, 1.1f},
    };
    const auto same = [](float a, float b) { return (std::isnan(a) && std::isnan(b)) || a == b; };
    for (const Case& c : cases) {
        CAPTURE(c.generation);
        const afs_model_info info = read(c.generation);
        CHECK(same(info.temperature, c.temperature));
        CHECK(same(info.top_p, c.top_p));
        CHECK(info.top_k == c.top_k);
        CHECK(info.min_p == c.min_p);
        CHECK(info.repetition_penalty == c.repetition_penalty);
    }
    for (const char* wrong :
         {R"({"do_sample": 1})", R"({"do_sample": true, "temperature": -1})",
          R"({"do_sample": true, "top_p": 1.5})", R"({"do_sample": true, "min_p": "x"})",
          R"({"do_sample": true, "top_k": 2.5})", R"({"repetition_penalty": 0})"}) {
        CAPTURE(wrong);
        CHECK_FALSE(plugin.build(kLlama, AFS_F32, wrong));
        CHECK_THAT(plugin.error, Catch::Matchers::Contains("generation_config.json"));
    }
}

TEST_CASE("the newer rope_parameters mean the same as rope_theta and rope_scaling") {
    ModelFile plugin("llama3");
    const std::string newer =
        with(with(kLlama, "\"rope_theta\": 500000.0,", ""), "\"rope_scaling\": {",
             "\"rope_parameters\": {\"rope_theta\": 500000.0, ");
    const afs_graph* graph = plugin.build(newer);
    REQUIRE(graph);
    const auto* rope = static_cast<const afs_rope_params*>(node(*graph, "L0.attn.q_rope")->params);
    CHECK(rope->theta == 500000.0);
    CHECK(rope->scaling == AFS_ROPE_LLAMA3);
    CHECK(rope->factor == 32.0f);

    ModelFile olmo2("olmo2");
    graph =
        olmo2.build(with(with(kOlmo2, "\"rope_scaling\": null,", ""), "\"rope_theta\": 500000",
                         R"("rope_parameters": {"rope_type": "default", "rope_theta": 10000})"));
    REQUIRE(graph);
    rope = static_cast<const afs_rope_params*>(node(*graph, "L0.attn.q_rope")->params);
    CHECK(rope->theta == 10000.0);
    CHECK(rope->scaling == AFS_ROPE_PLAIN);
}

TEST_CASE("llama3 takes SmolLM2-135M as it is published") {
    ModelFile plugin("llama3");
    const afs_graph* graph = plugin.build(R"({
        "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
        "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 576,
        "initializer_range": 0.041666666666666664, "intermediate_size": 1536,
        "is_llama_config": true, "max_position_embeddings": 8192, "mlp_bias": false,
        "model_type": "llama", "num_attention_heads": 9, "num_hidden_layers": 30,
        "num_key_value_heads": 3, "pad_token_id": 2, "pretraining_tp": 1, "rms_norm_eps": 1e-05,
        "rope_interleaved": false, "rope_scaling": null, "rope_theta": 100000,
        "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_cache": true,
        "vocab_size": 49152, "transformers.js_config": {"kv_cache_dtype": {"q4f16": "float16"}}})");
    REQUIRE(graph);
    CHECK(std::string(plugin.info.summary) ==
          "llama3, 30 layers, hidden 576, 9 heads (3 kv) x 64, ffn 1536, tied head");
    int64_t parameters = 0;
    for (uint32_t i = 0; i < graph->n_weights; ++i) {
        const afs_value& v = *graph->values[graph->weights[i]->value];
        parameters += v.dims[0] * v.dims[1];
    }
    CHECK(parameters == 134515008);
}

TEST_CASE("what is absent and harmless takes its meaning from the family") {
    ModelFile plugin("llama3");
    std::string bare = kLlama;
    for (const char* key :
         {"\"attention_bias\": false,", "\"mlp_bias\": false,", "\"hidden_act\": \"silu\",",
          "\"num_key_value_heads\": 2,", "\"head_dim\": 32,", "\"tie_word_embeddings\": true,",
          "\"dtype\": \"float32\",", "\"bos_token_id\": 80,"})
        bare = with(bare, key, "");
    const afs_graph* graph = plugin.build(bare);
    REQUIRE(graph);
    CHECK(std::string(plugin.info.summary) ==
          "llama3, 2 layers, hidden 64, 4 heads (4 kv) x 16, ffn 96");
    CHECK(plugin.info.checkpoint_dtype == AFS_DTYPE_NONE);
    CHECK(plugin.info.bos_id == -1);
    CHECK(value(*graph, "lm_head.weight") != nullptr);
}

TEST_CASE("a refused configuration names the key, what it holds and what was expected") {
    struct Case {
        const char *from, *to, *message;
    };
    // Each replaces a part of the Llama configuration.
    const std::vector<Case> cases = {
        {"\"hidden_size\": 64,", "", "hidden_size is missing, expected a whole number from 1 to"},
        {"\"rms_norm_eps\": 1e-05,", "", "rms_norm_eps is missing, expected a number above 0"},
        {"\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": 1e-60",
         "rms_norm_eps is 1e-60, expected a number above 0"},
        {"\"rope_theta\": 500000.0,", "", "rope_theta is missing"},
        {"\"max_position_embeddings\": 131072,", "", "max_position_embeddings is missing"},
        {"\"vocab_size\": 100", "\"vocab_size\": 0", "vocab_size is 0, expected"},
        {"\"num_attention_heads\": 4", "\"num_attention_heads\": 0", "num_attention_heads is 0"},
        {"\"num_attention_heads\": 4", "\"num_attention_heads\": -4", "num_attention_heads is -4"},
        {"\"num_attention_heads\": 4", "\"num_attention_heads\": 4.0",
         "num_attention_heads is 4.0"},
        {"\"num_attention_heads\": 4", "\"num_attention_heads\": \"4\"",
         "is \"4\", expected a whole"},
        {"\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3",
         "num_key_value_heads is 3, expected a divisor of num_attention_heads 4"},
        {"\"num_key_value_heads\": 2", "\"num_key_value_heads\": 8", "num_key_value_heads is 8"},
        {"\"head_dim\": 32", "\"head_dim\": 31", "head_dim is 31, expected an even number"},
        {"\"head_dim\": 32", "\"head_dim\": 0", "head_dim is 0"},
        {"\"hidden_size\": 64", "\"hidden_size\": 18446744073709551615", "hidden_size is 184467"},
        {"\"hidden_size\": 64", "\"hidden_size\": 4294967297", "hidden_size is 4294967297"},
        {"\"num_hidden_layers\": 2", "\"num_hidden_layers\": 2000000000", "num_hidden_layers is 2"},
        {"\"attention_bias\": false", "\"attention_bias\": true",
         "attention_bias is true, expected false"},
        {"\"mlp_bias\": false", "\"mlp_bias\": true", "mlp_bias is true, expected false"},
        {"\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu\"",
         "hidden_act is \"gelu\", expected \"silu\""},
        {"\"rope_type\": \"llama3\"", "\"rope_type\": \"yarn\"",
         "rope_scaling.rope_type is \"yarn\", expected \"default\" or \"llama3\""},
        {"\"rope_type\": \"llama3\"", "\"rope_type\": \"linear\"", "is \"linear\""},
        {"\"factor\": 32.0, ", "", "rope_scaling.factor is missing"},
        {"\"high_freq_factor\": 4.0", "\"high_freq_factor\": 1.0",
         "rope_scaling.high_freq_factor is 1.0, expected more than low_freq_factor 1.0"},
        {"\"original_max_position_embeddings\": 8192,", "",
         "rope_scaling.original_max_position_embeddings is missing"},
        {"\"rope_theta\": 500000.0", "\"rope_theta\": 1e300", "rope_theta is 1e+300"},
        {"\"rope_theta\": 500000.0", "\"rope_theta\": 0", "rope_theta is 0"},
        {"\"rope_theta\": 500000.0",
         "\"rope_parameters\": {\"rope_theta\": 1}, \"rope_theta\": 500000.0",
         "has rope_parameters and a different rope_scaling"},
        {"\"vocab_size\": 100", "\"vocab_size\": 100, \"sliding_window\": 4096",
         "sliding_window is 4096, expected nothing"},
        {"\"vocab_size\": 100",
         "\"vocab_size\": 100, \"layer_types\": [\"full_attention\", \"sliding_attention\"]",
         "expected \"full_attention\" alone"},
        {"\"vocab_size\": 100", "\"vocab_size\": 100, \"quantization_config\": {\"bits\": 4}",
         "quantization_config is {\"bits\":4}"},
        {"\"vocab_size\": 100", "\"vocab_size\": 100, \"rope_interleaved\": true",
         "rope_interleaved is true, expected false"},
        {"\"vocab_size\": 100", "\"vocab_size\": 100, \"partial_rotary_factor\": 0.5",
         "partial_rotary_factor is 0.5"},
        {"\"vocab_size\": 100", "\"vocab_size\": 100, \"vocab_size\": 200",
         "key 'vocab_size' is given twice"},
        {"[81, 82]", "[81, 100]",
         "eos_token_id is [81,100], expected token ids below vocab_size 100"},
        {"[81, 82]", "[81, \"x\"]", "eos_token_id is [81,\"x\"]"},
        {"\"float32\"", "\"float8_e4m3fn\"", "dtype is \"float8_e4m3fn\", expected bfloat16"},
        {"\"llama\"", "\"mistral\"", "model_type is \"mistral\""},
        {"\"tie_word_embeddings\": true", "\"tie_word_embeddings\": 1",
         "tie_word_embeddings is 1, expected true or false"},
    };
    ModelFile plugin("llama3");
    for (const Case& c : cases) {
        CAPTURE(c.to, c.message);
        CHECK(plugin.build(with(kLlama, c.from, c.to)) == nullptr);
        CHECK(plugin.code == AFS_E_INVALID);
        CHECK_THAT(plugin.error, Catch::Contains(c.message));
        CHECK_THAT(plugin.error, Catch::StartsWith("cannot use config.json: "));
    }
}

TEST_CASE("broken text is refused with its place") {
    ModelFile plugin("olmo2");
    CHECK(plugin.build("{\"hidden_size\": }") == nullptr);
    CHECK_THAT(plugin.error, Catch::Contains("line 1, column 17"));
    CHECK(plugin.build(std::string(100, '[')) == nullptr);
    CHECK(plugin.build("[1]") == nullptr);
    CHECK_THAT(plugin.error, Catch::Contains("is array, not an object"));
    std::string deep = "{\"a\":";
    for (int i = 0; i < 100000; ++i) deep += "{\"a\":";
    CHECK(plugin.build(deep) == nullptr);
    CHECK_THAT(plugin.error, Catch::Contains("nested deeper than 64 levels"));
    CHECK(plugin.build(kOlmo2, AFS_F32, "{\"eos_token_id\": 1000}") == nullptr);
    CHECK_THAT(plugin.error, Catch::Contains("cannot use generation_config.json: eos_token_id"));
    CHECK(plugin.build(kOlmo2, AFS_F32, "nonsense") == nullptr);
    CHECK_THAT(plugin.error, Catch::Contains("generation_config.json"));
}

TEST_CASE("activation dtypes, ranks and sources that are not offered") {
    ModelFile olmo2("olmo2"), llama3("llama3");
    CHECK(olmo2.build(kOlmo2, AFS_F64));
    CHECK(llama3.build(kLlama, AFS_F64));
    CHECK(llama3.build(kLlama, AFS_F16));
    CHECK(olmo2.build(kOlmo2, AFS_F16) == nullptr);
    CHECK(olmo2.code == AFS_E_UNSUPPORTED);
    CHECK_THAT(olmo2.error, Catch::Contains("cannot run OLMo-2 in fp16"));
    for (const int32_t dtype : {int32_t{AFS_DTYPE_NONE}, int32_t{AFS_I32}, AFS_BLOCK + 8}) {
        CHECK(llama3.build(kLlama, dtype) == nullptr);
        CHECK(llama3.code == AFS_E_INVALID);
    }
    afs_model_source source = afs::make<afs_model_source>();
    source.dtype = AFS_F32;
    CHECK(llama3.build(source) == nullptr);
    CHECK_THAT(llama3.error, Catch::Contains("config.json is NULL"));
    source.config_json = kLlama.c_str();
    source.world = 2;
    CHECK(llama3.build(source) == nullptr);
    CHECK_THAT(llama3.error, Catch::Contains("over 2 ranks"));
    source.world = 1;
    source.is_gguf = 1;
    CHECK(llama3.build(source) == nullptr);
    CHECK_THAT(llama3.error, Catch::Contains("GGUF"));
}

TEST_CASE("a later build leaves the graph built before as it was") {
    ModelFile plugin("llama3");
    const afs_graph* graph = plugin.build(kLlama);
    REQUIRE(graph);
    CHECK(plugin.build("{}") == nullptr);
    CHECK(plugin.build(kLlama, AFS_BF16) != graph);
    CHECK(graph->values[graph->nodes[0]->output]->dtype == AFS_F32);
    CHECK(graph->n_nodes == 5 + 2 * 16);
    CHECK(std::string(graph->values[graph->outputs[0]]->tag) == "logits");
}
