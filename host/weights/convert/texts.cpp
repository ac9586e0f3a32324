#include "weights/convert/texts.hpp"

#include <charconv>
#include <cmath>

#include "afs/json.hpp"
#include "afs/numeric.hpp"

namespace afs::convert {
namespace {

using json::Value;

// The double that prints as the float does: 1e-06, not 9.99999997e-07.
double shortest(float value) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, value);
    double out = 0;
    std::from_chars(text, end.ptr, out);
    return out;
}

const char* hf_dtype(int32_t dtype) {
    return dtype == AFS_BF16 ? "bfloat16" : dtype == AFS_F16 ? "float16" : "float32";
}

// ggml's number of "mostly this type".
uint64_t file_type(int32_t dtype) {
    if (dtype == AFS_F32) return 0;
    if (dtype == AFS_F16) return 1;
    if (dtype == AFS_BF16) return 32;
    if (dtype == AFS_Q8_0) return 7;
    return 1024;  // "guessed": a mixture
}

struct Count {
    const char* key;
    int64_t value;
};

std::vector<Count> counts(const ModelFacts& facts) {
    return {{"context_length", facts.context},
            {"embedding_length", facts.hidden},
            {"block_count", facts.layers},
            {"feed_forward_length", facts.ffn},
            {"attention.head_count", facts.heads},
            {"attention.head_count_kv", facts.kv_heads},
            {"attention.key_length", facts.head_dim},
            {"attention.value_length", facts.head_dim},
            {"rope.dimension_count", facts.head_dim},
            {"vocab_size", facts.vocab}};
}

constexpr const char* kEps = "attention.layer_norm_rms_epsilon";
constexpr const char* kTheta = "rope.freq_base";
constexpr const char* kOriginal = "rope.scaling.original_context_length";

Value list_of(const int32_t* ids, uint32_t n) {
    if (n == 1) return Value::of(int64_t{ids[0]});
    Value list = Value::array();
    for (uint32_t i = 0; i < n; ++i) list.add(Value::of(int64_t{ids[i]}));
    return list;
}

}  // namespace

void add_model_metadata(const std::string& architecture, const std::string& name,
                        const ModelFacts& facts, const afs_model_info& info, int32_t dtype,
                        int32_t tokenizer_eos, GgufWriter& writer) {
    const std::string in = architecture + ".";
    writer.text("general.architecture", architecture);
    writer.text("general.type", "model");
    writer.text("general.name", name);
    writer.u32("general.file_type", file_type(dtype));
    writer.u32("general.quantization_version", 2);
    for (const Count& count : counts(facts))
        writer.u32(in + count.key, static_cast<uint64_t>(count.value));
    writer.f32(in + kEps, facts.eps);
    writer.f32(in + kTheta, static_cast<float>(facts.rope.theta));
    if (facts.rope.scaling != AFS_ROPE_PLAIN)
        writer.u32(in + kOriginal, facts.rope.original_max_position);
    // A file has three keys for ids that end a text. The first is also the tokenizer's.
    std::vector<int32_t> stops(info.stop_ids, info.stop_ids + info.n_stop_ids);
    if (stops.empty() && tokenizer_eos >= 0) stops.push_back(tokenizer_eos);
    const char* keys[] = {"eos", "eot", "eom"};
    for (size_t i = 0; i < std::min<size_t>(stops.size(), std::size(keys)); ++i)
        writer.u32("tokenizer.ggml." + std::string(keys[i]) + "_token_id",
                   static_cast<uint64_t>(stops[i]));
    const auto sampling = [&writer](const char* key, float value) {
        if (!std::isnan(value)) writer.f32(std::string("general.sampling.") + key, value);
    };
    sampling("temp", info.temperature);
    sampling("top_p", info.top_p);
    if (info.min_p != 0) sampling("min_p", info.min_p);
    if (info.repetition_penalty != 0) sampling("penalty_repeat", info.repetition_penalty);
    if (info.top_k >= 0) writer.u32("general.sampling.top_k", static_cast<uint64_t>(info.top_k));
}

std::string metadata_for_names(const std::string& architecture, const ModelFacts& facts) {
    const std::string in = architecture + ".";
    Value root = Value::object(), tensors = Value::object(), embedding = Value::object(),
          shape = Value::array();
    root.add("general.architecture", Value::of(architecture));
    for (const Count& count : counts(facts)) root.add(in + count.key, Value::of(count.value));
    root.add(in + kEps, Value::of(static_cast<double>(facts.eps)))
        .add(in + kTheta, Value::of(facts.rope.theta));
    shape.add(Value::of(facts.vocab)).add(Value::of(facts.hidden));
    embedding.add("type", Value::of("F32")).add("shape", std::move(shape));
    if (!facts.tied) tensors.add("output.weight", embedding);
    tensors.add("token_embd.weight", std::move(embedding));
    root.add("gguf.version", Value::of(int64_t{3})).add("gguf.tensors", std::move(tensors));
    return json::dump(root);
}

std::string config_json(const Family& family, const ModelFacts& facts, const afs_model_info& info,
                        int32_t dtype, int32_t pad_id, const std::string& banded_rope_type) {
    Value root = Value::object(), architectures = Value::array();
    for (const std::string& name : family.architectures) architectures.add(Value::of(name));
    if (!family.architectures.empty()) root.add("architectures", std::move(architectures));
    root.add("model_type", Value::of(family.model_type))
        .add("vocab_size", Value::of(facts.vocab))
        .add("hidden_size", Value::of(facts.hidden))
        .add("intermediate_size", Value::of(facts.ffn))
        .add("num_hidden_layers", Value::of(facts.layers))
        .add("num_attention_heads", Value::of(facts.heads))
        .add("num_key_value_heads", Value::of(facts.kv_heads))
        .add("head_dim", Value::of(facts.head_dim))
        .add("max_position_embeddings", Value::of(facts.context))
        .add("rms_norm_eps", Value::of(shortest(facts.eps)))
        .add("rope_theta", Value::of(facts.rope.theta))
        .add("hidden_act", Value::of("silu"))
        .add("attention_bias", Value::of(false))
        .add("mlp_bias", Value::of(false))
        .add("tie_word_embeddings", Value::of(facts.tied))
        .add("torch_dtype", Value::of(hf_dtype(dtype)));
    Value scaling;
    if (facts.rope.scaling != AFS_ROPE_PLAIN) {
        scaling = Value::object();
        scaling.add("rope_type", Value::of(banded_rope_type))
            .add("factor", Value::of(shortest(facts.rope.factor)))
            .add("low_freq_factor", Value::of(shortest(facts.rope.low_freq_factor)))
            .add("high_freq_factor", Value::of(shortest(facts.rope.high_freq_factor)))
            .add("original_max_position_embeddings",
                 Value::of(uint64_t{facts.rope.original_max_position}));
    }
    root.add("rope_scaling", std::move(scaling));
    if (info.bos_id >= 0) root.add("bos_token_id", Value::of(int64_t{info.bos_id}));
    if (info.n_stop_ids > 0) root.add("eos_token_id", list_of(info.stop_ids, info.n_stop_ids));
    if (pad_id >= 0) root.add("pad_token_id", Value::of(int64_t{pad_id}));
    return json::dump(root, 2) + "\n";
}

std::string generation_config_json(const afs_model_info& info) {
    Value root = Value::object();
    if (info.bos_id >= 0) root.add("bos_token_id", Value::of(int64_t{info.bos_id}));
    if (info.n_stop_ids > 0) root.add("eos_token_id", list_of(info.stop_ids, info.n_stop_ids));
    if (!std::isnan(info.temperature)) {
        root.add("do_sample", Value::of(info.temperature > 0));
        const auto number = [&root](const char* key, float value) {
            if (!std::isnan(value)) root.add(key, Value::of(shortest(value)));
        };
        if (info.temperature > 0) {
            number("temperature", info.temperature);
            number("top_p", info.top_p);
            if (info.min_p != 0) number("min_p", info.min_p);
            if (info.top_k >= 0) root.add("top_k", Value::of(int64_t{info.top_k}));
        }
    }
    if (info.repetition_penalty != 0 && !std::isnan(info.repetition_penalty))
        root.add("repetition_penalty", Value::of(shortest(info.repetition_penalty)));
    return json::dump(root, 2) + "\n";
}

Result<std::string> with_dtype(const std::string& config, int32_t dtype) {
    json::ParseOptions options;
    options.name = "config.json";
    AFS_ASSIGN(Value root, json::parse(config, options));
    bool stated = false;
    for (json::Member& member : root.members)
        if (member.key == "dtype" || member.key == "torch_dtype") {
            member.value = Value::of(hf_dtype(dtype));
            stated = true;
        }
    if (!stated) root.add("torch_dtype", Value::of(hf_dtype(dtype)));
    return json::dump(root, 2) + "\n";
}

}  // namespace afs::convert
