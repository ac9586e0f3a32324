// What olmo2 and llama3 make of a GGUF file's metadata, and what they refuse in which words.
#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "afs/rope.hpp"
#include "support/model_file.hpp"

using afs::test::ModelFile;

namespace {

const std::string kTensors =
    R"("gguf.tensors": {"token_embd.weight": {"type": "Q4_K", "shape": [100, 64]},
       "output.weight": {"type": "Q6_K", "shape": [100, 64]},
       "blk.0.attn_q.weight": {"type": "Q4_K", "shape": [64, 64]}})";

const std::string kGgufOlmo2 = R"({"general.architecture": "olmo2", "general.type": "model",
  "olmo2.block_count": 2, "olmo2.embedding_length": 64, "olmo2.feed_forward_length": 96,
  "olmo2.attention.head_count": 4, "olmo2.attention.head_count_kv": [2, 2],
  "olmo2.context_length": 4096, "olmo2.attention.layer_norm_rms_epsilon": 9.99999997475e-07,
  "olmo2.rope.freq_base": 500000.0, "tokenizer.ggml.eos_token_id": 90, )" +
                               kTensors + "}";

const std::string kGgufLlama = R"({"general.architecture": "llama", "llama.block_count": 2,
  "llama.embedding_length": 64, "llama.feed_forward_length": [96, 96],
  "llama.attention.head_count": 4, "llama.attention.head_count_kv": 2,
  "llama.attention.key_length": 32, "llama.attention.value_length": 32,
  "llama.rope.dimension_count": 32, "llama.context_length": 131072, "llama.vocab_size": 100,
  "llama.attention.layer_norm_rms_epsilon": 1e-05, "llama.rope.freq_base": 500000.0,
  "tokenizer.ggml.bos_token_id": 80, "tokenizer.ggml.eos_token_id": 81,
  "tokenizer.ggml.eot_token_id": 82, "general.sampling.temp": 0.6, "general.sampling.top_k": 40,
  "gguf.tensors": {"token_embd.weight": {"type": "BF16", "shape": [100, 64]},
                   "blk.0.attn_q.weight": {"type": "BF16", "shape": [128, 64]}}})";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}
// One more member.
std::string plus(const std::string& text, const std::string& member) {
    return replaced(text, "{", "{" + member + ", ");
}

const afs_graph* build(ModelFile& plugin, const std::string& config, int32_t dtype = AFS_BF16) {
    afs_model_source source = afs::make<afs_model_source>();
    source.dtype = dtype;
    source.world = 1;
    source.config_json = config.c_str();
    source.is_gguf = 1;
    return plugin.build(source);
}

const afs_weight* weight(const afs_graph& graph, const std::string& tag) {
    for (uint32_t i = 0; i < graph.n_weights; ++i)
        if (graph.values[graph.weights[i]->value]->tag == tag) return graph.weights[i];
    return nullptr;
}
const afs_rope_params* rope_of(const afs_graph& graph) {
    for (uint32_t i = 0; i < graph.n_nodes; ++i)
        if (std::string(graph.nodes[i]->op) == "rope/1")
            return static_cast<const afs_rope_params*>(graph.nodes[i]->params);
    return nullptr;
}

// kGgufLlama with rope_freqs.weight of these values.
std::string with_divisors(const std::vector<double>& divisors) {
    std::string list;
    for (const double d : divisors) list += (list.empty() ? "" : ", ") + std::to_string(d);
    return plus(
        replaced(kGgufLlama, R"("gguf.tensors": {)",
                 R"("gguf.tensors": {"rope_freqs.weight": {"type": "F32", "shape": [16]}, )"),
        "\"gguf.rope_freqs\": [" + list + "]");
}
std::vector<double> divisors(float factor, uint32_t original) {
    auto scaled = afs::make<afs_rope_params>(), plain = scaled;
    plain.head_dim = scaled.head_dim = 32;
    plain.theta = scaled.theta = 500000;
    scaled.scaling = AFS_ROPE_LLAMA3;
    scaled.factor = factor, scaled.low_freq_factor = 1, scaled.high_freq_factor = 4;
    scaled.original_max_position = original;
    std::vector<double> all;
    for (uint32_t j = 0; j < 16; ++j)
        all.push_back(static_cast<double>(afs::rope_inv_freq(plain, j)) /
                      static_cast<double>(afs::rope_inv_freq(scaled, j)));
    return all;
}

}  // namespace

TEST_CASE("GGUF: each family scores its own architecture") {
    ModelFile olmo2("olmo2"), llama3("llama3");
    CHECK(olmo2.score(kGgufOlmo2, true) == 100);
    CHECK(olmo2.score(kGgufLlama, true) == 0);
    CHECK(llama3.score(kGgufLlama, true) == 100);
    CHECK(llama3.score(kGgufOlmo2, true) == 0);
    CHECK(llama3.score(kGgufLlama, false) == 0);
    CHECK(llama3.score(R"({"model_type": "llama"})", true) == 0);
    for (const char* foreign : {"", "[]", "not json", R"({"general.architecture": 1})",
                                R"({"general.architecture": "llama4"})"})
        CHECK(llama3.score(foreign, true) == 0);
}

TEST_CASE("GGUF: facts and weight table of olmo2") {
    ModelFile plugin("olmo2");
    const afs_graph* graph = build(plugin, kGgufOlmo2);
    INFO(plugin.error);
    REQUIRE(graph);
    CHECK(std::string(plugin.info.summary) ==
          "olmo2, 2 layers, hidden 64, 4 heads (2 kv) x 16, ffn 96");
    CHECK(plugin.info.context_length == 4096);
    CHECK(plugin.info.vocab_rows == 100);  // of token_embd.weight
    CHECK(plugin.info.bos_id == -1);
    CHECK(plugin.info.checkpoint_dtype == AFS_DTYPE_NONE);  // quantised: nothing is said
    REQUIRE(plugin.info.n_stop_ids == 1);
    CHECK(plugin.info.stop_ids[0] == 90);
    CHECK(std::isnan(plugin.info.temperature));
    const std::vector<std::pair<std::string, std::string>> names = {
        {"embed.weight", "token_embd.weight"},
        {"L1.attn.q.weight", "blk.1.attn_q.weight"},
        {"L1.attn.q_norm.weight", "blk.1.attn_q_norm.weight"},
        {"L1.attn.k_norm.weight", "blk.1.attn_k_norm.weight"},
        {"L0.attn.out.weight", "blk.0.attn_output.weight"},
        {"L0.attn.post_norm.weight", "blk.0.post_attention_norm.weight"},
        {"L0.mlp.gate.weight", "blk.0.ffn_gate.weight"},
        {"L0.mlp.post_norm.weight", "blk.0.post_ffw_norm.weight"},
        {"final.norm.weight", "output_norm.weight"},
        {"lm_head.weight", "output.weight"}};
    for (const auto& [tag, name] : names) {
        CAPTURE(tag);
        REQUIRE(weight(*graph, tag));
        CHECK(weight(*graph, tag)->names == name);
        // llama.cpp rotates OLMo-2 by halves (LLAMA_ROPE_TYPE_NEOX): no row is moved.
        CHECK(weight(*graph, tag)->transform == AFS_LOAD_AS_IS);
    }
    CHECK(build(plugin, kGgufOlmo2, AFS_F16) == nullptr);
    CHECK_THAT(plugin.error, Catch::Contains("cannot run OLMo-2 in fp16"));
}

TEST_CASE("GGUF: facts and weight table of llama") {
    ModelFile plugin("llama3");
    const afs_graph* graph = build(plugin, kGgufLlama);
    INFO(plugin.error);
    REQUIRE(graph);
    CHECK(std::string(plugin.info.summary) ==
          "llama3, 2 layers, hidden 64, 4 heads (2 kv) x 32, ffn 96, tied head");
    CHECK(plugin.info.checkpoint_dtype == AFS_BF16);
    CHECK(plugin.info.bos_id == 80);
    const std::vector<int32_t> stops(plugin.info.stop_ids,
                                     plugin.info.stop_ids + plugin.info.n_stop_ids);
    CHECK(stops == std::vector<int32_t>{81, 82});
    CHECK(plugin.info.temperature == 0.6f);
    CHECK(plugin.info.top_k == 40);
    for (const char* side : {"q", "k"}) {
        const afs_weight* paired = weight(*graph, std::string("L1.attn.") + side + ".weight");
        CHECK(paired->transform == AFS_LOAD_UNINTERLEAVE_HEADS);
        CHECK(paired->head_dim == 32);
    }
    CHECK(weight(*graph, "L1.attn.v.weight")->transform == AFS_LOAD_AS_IS);
    CHECK(std::string(weight(*graph, "L1.attn.norm.weight")->names) == "blk.1.attn_norm.weight");
    CHECK(std::string(weight(*graph, "L1.mlp.norm.weight")->names) == "blk.1.ffn_norm.weight");
    CHECK(weight(*graph, "lm_head.weight") == nullptr);
    CHECK(rope_of(*graph)->scaling == AFS_ROPE_PLAIN);
    CHECK(rope_of(*graph)->theta == 500000.0);
    // What llama.cpp takes where the key is absent.
    graph = build(plugin, replaced(kGgufLlama, R"("llama.rope.freq_base": 500000.0,)", ""));
    REQUIRE(graph);
    CHECK(rope_of(*graph)->theta == 10000.0);
    // No vocab_size and no key_length: from the embedding and the heads.
    std::string derived = replaced(kGgufLlama, R"("llama.vocab_size": 100,)", "");
    derived = replaced(
        derived, R"("llama.attention.key_length": 32, "llama.attention.value_length": 32,)", "");
    derived = replaced(derived, R"("llama.rope.dimension_count": 32,)", "");
    REQUIRE(build(plugin, derived));
    CHECK(plugin.info.vocab_rows == 100);
    CHECK(std::string(plugin.info.summary).find("x 16") != std::string::npos);
}

TEST_CASE("GGUF: Llama 3.1's scaling is read out of rope_freqs.weight") {
    ModelFile plugin("llama3");
    for (const float factor : {8.0f, 32.0f, 16.0f})
        for (const uint32_t original : {8192u, 512u, 4096u, 65536u}) {
            CAPTURE(factor, original);
            const afs_graph* graph = build(plugin, with_divisors(divisors(factor, original)));
            INFO(plugin.error);
            REQUIRE(graph);
            const afs_rope_params* rope = rope_of(*graph);
            CHECK(rope->scaling == AFS_ROPE_LLAMA3);
            CHECK(rope->factor == factor);
            CHECK(rope->low_freq_factor == 1.0f);
            CHECK(rope->high_freq_factor == 4.0f);
            CHECK(rope->original_max_position == original);
        }
    // A stated length need not be a power of two.
    const afs_graph* graph =
        build(plugin, plus(with_divisors(divisors(8, 6000)),
                           R"("llama.rope.scaling.original_context_length": 6000)"));
    REQUIRE(graph);
    CHECK(rope_of(*graph)->original_max_position == 6000);
    graph = build(plugin, with_divisors(std::vector<double>(16, 1.0)));
    REQUIRE(graph);
    CHECK(rope_of(*graph)->scaling == AFS_ROPE_PLAIN);

    const auto refusal = [&](const std::vector<double>& values) {
        CHECK(build(plugin, with_divisors(values)) == nullptr);
        return plugin.error;
    };
    std::vector<double> bent = divisors(8, 8192);
    bent[15] = 7.9;
    CHECK_THAT(refusal(bent), Catch::Contains("rope_freqs.weight is no llama3 scaling: value 15 is "
                                              "7.9") &&
                                  Catch::Contains("for factor 8"));
    bent = divisors(8, 8192);
    bent[0] = 1.001;
    CHECK_THAT(refusal(bent), Catch::Contains("value 0 is 1.001"));
    CHECK_THAT(refusal(std::vector<double>(15, 1.0)), Catch::Contains("must hold 16 F32 values"));
    CHECK(build(plugin, replaced(kGgufLlama, R"("gguf.tensors": {)",
                                 R"("gguf.tensors": {"rope_freqs.weight": {"type": "F16"}, )")) ==
          nullptr);
    CHECK_THAT(plugin.error, Catch::Contains("must hold 16 F32 values"));
}

TEST_CASE("GGUF: what is refused names its key") {
    ModelFile plugin("llama3");
    struct Row {
        std::string config, reason;
    };
    const auto added = [](const std::string& member) { return plus(kGgufLlama, member); };
    const auto without = [](const std::string& part) { return replaced(kGgufLlama, part, ""); };
    const std::vector<Row> rows = {
        {replaced(kGgufLlama, "\"llama\"", "\"qwen2\""),
         "general.architecture is \"qwen2\", expected \"llama\""},
        {without(R"("general.architecture": "llama",)"), "general.architecture is missing"},
        {without(R"("llama.block_count": 2,)"), "llama.block_count is missing, expected a whole"},
        {replaced(kGgufLlama, "[96, 96]", "[96, 97]"),
         "llama.feed_forward_length is [96,97], expected the same number for every layer"},
        {replaced(kGgufLlama, "\"llama.attention.head_count_kv\": 2",
                  "\"llama.attention.head_count_kv\": 3"),
         "llama.attention.head_count_kv is 3, expected a divisor of llama.attention.head_count 4"},
        {replaced(kGgufLlama, "_epsilon\": 1e-05", "_epsilon\": 0"), "expected a number above 0"},
        {replaced(kGgufLlama, "value_length\": 32", "value_length\": 16"),
         "llama.attention.value_length is 16, expected 32"},
        {replaced(kGgufLlama, "dimension_count\": 32", "dimension_count\": 16"),
         "llama.rope.dimension_count is 16, expected 32: only whole heads are rotated"},
        {replaced(kGgufLlama, "token_embd", "other"), "token_embd.weight is missing"},
        {added(R"("llama.rope.scaling.type": "yarn")"), "is \"yarn\", expected \"none\""},
        {added(R"("llama.rope.scaling.factor": 4.0)"), "llama.rope.scaling.factor is 4.0"},
        {added(R"("llama.expert_count": 8)"), "llama.expert_count is 8, expected 0: experts"},
        {added(R"("llama.attention.sliding_window": 4096)"), "windowed attention"},
        {added(R"("llama.attention.causal": false)"), "expected true: only causal attention"},
        {added(R"("llama.final_logit_softcapping": 30.0)"), "capping is not part"},
        {added(R"("llama.logit_scale": 8.0)"), "llama.logit_scale is 8.0"},
        {added(R"("general.type": "adapter")"), "general.type is \"adapter\", expected \"model\""},
        {replaced(kGgufLlama, "\"tokenizer.ggml.eos_token_id\": 81",
                  "\"tokenizer.ggml.eos_token_id\": 100"),
         "tokenizer.ggml.eos_token_id is 100, expected token ids below vocab_size 100"},
        {added(R"("general.sampling.top_p": 1.5)"), "general.sampling.top_p is 1.5"},
        {"{", "cannot use the GGUF metadata"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.config);
        CHECK(build(plugin, row.config) == nullptr);
        CHECK_THAT(plugin.error, Catch::Contains(row.reason));
    }
    // Harmless values of the same keys.
    for (const char* member :
         {R"("llama.rope.scaling.type": "none")", R"("llama.rope.scaling.factor": 1.0)",
          R"("llama.expert_count": 0)", R"("llama.attention.causal": true)",
          R"("general.type": "model")", R"("llama.logit_scale": 1.0)"}) {
        CAPTURE(member);
        CHECK(build(plugin, added(member)));
    }
}
