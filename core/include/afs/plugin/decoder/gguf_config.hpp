// Reads a GGUF file's metadata, as afs_model_source.config_json has it, for model plugins. C++17.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "afs/plugin/decoder/sizes.hpp"
#include "afs/rope.hpp"

namespace afs {

class GgufConfig : public JsonConfig {
public:
    explicit GgufConfig(const char* text) : JsonConfig(text, "the GGUF metadata") {
        const Json* name = get("general.architecture");
        if (name && name->is_string()) architecture_ = name->get<std::string>();
        for (const char* size :
             {"feed_forward_length", "attention.head_count", "attention.head_count_kv"})
            unify(key(size));
    }

    bool is_family(const std::string& architecture) const { return architecture_ == architecture; }
    void require_family(const std::string& architecture) {
        if (!is_family(architecture))
            expected("general.architecture", get("general.architecture"),
                     "\"" + architecture + "\"");
    }
    // "block_count" -> "ARCHITECTURE.block_count"
    std::string key(const std::string& name) const { return architecture_ + "." + name; }

    // The file's entry for a tensor, {"type", "shape"}; NULL: there is none.
    const Json* tensor(const std::string& name) const {
        const Json* all = get("gguf.tensors");
        return all && all->is_object() ? member(*all, name) : nullptr;
    }
    // Rows of a matrix; 0: there is no such tensor.
    int64_t rows(const std::string& name) const {
        const Json* entry = tensor(name);
        const Json* shape = entry ? member(*entry, "shape") : nullptr;
        return shape && shape->is_array() && !shape->empty() ? shape->front().get<int64_t>() : 0;
    }

    // What the weights are stored in where that says something about the activations: files of
    // bf16 or fp32 keep what the model was trained in, any other type was chosen for its size.
    int32_t dtype() const {
        const Json* entry = tensor("blk.0.attn_q.weight");
        const Json* type = entry ? member(*entry, "type") : nullptr;
        if (type && *type == Json("BF16")) return AFS_BF16;
        return type && *type == Json("F32") ? AFS_F32 : AFS_DTYPE_NONE;
    }

    // Llama 3.1's scaling is in no key: the tensor rope_freqs.weight holds, for every pair, what
    // its frequency is to be divided by. The parameters are those that give the same numbers.
    afs_rope_params rope(uint32_t head_dim) {
        afs_rope_params out = make<afs_rope_params>();
        out.head_dim = head_dim;
        out.theta = get(key("rope.freq_base")) ? positive(key("rope.freq_base")) : 10000;
        refuse(key("rope.scaling.type"), {"none"}, "no other scaling is known");
        for (const char* neutral :
             {"rope.scaling.factor", "rope.scale_linear", "rope.scaling.attn_factor"})
            refuse(key(neutral), {1.0, 0.0}, "no such scaling is known");
        refuse(key("rope.dimension_count"), {head_dim}, "only whole heads are rotated");
        if (tensor("rope_freqs.weight")) read_divisors(out);
        return out;
    }

private:
    // A list with one number a layer, all the same, becomes that number.
    void unify(const std::string& name) {
        const auto it = json_.find(name);
        if (it == json_.end() || !it->is_array() || it->empty()) return;
        for (const Json& item : *it)
            if (item != it->front()) return expected(name, &*it, "the same number for every layer");
        *it = Json(it->front());
    }

    void read_divisors(afs_rope_params& out) {
        const std::string name = "rope_freqs.weight";
        const Json* values = get("gguf.rope_freqs");
        const size_t n_pairs = out.head_dim / 2;
        if (!values || !values->is_array() || values->size() != n_pairs)
            return fail("tensor " + name + " must hold " + std::to_string(n_pairs) +
                        " F32 values, one for every pair of a head");
        std::vector<double> divisors;
        double most = 1;
        for (const Json& value : *values) {
            divisors.push_back(value.is_number() ? value.get<double>() : -1);
            most = std::max(most, divisors.back());
        }
        if (std::all_of(divisors.begin(), divisors.end(), [](double d) { return d == 1; })) return;
        afs_rope_params scaled = out;
        scaled.scaling = AFS_ROPE_LLAMA3;
        scaled.factor = static_cast<float>(most);
        scaled.low_freq_factor = 1;
        scaled.high_freq_factor = 4;
        // 8192 is what every published model has; a stated length or another power of two may be.
        std::vector<int64_t> lengths = {8192};
        const std::string stated = key("rope.scaling.original_context_length");
        if (get(stated)) lengths = {count(stated, 1 << 30)};
        for (int64_t length = 256; length <= 1 << 20 && !get(stated); length *= 2)
            lengths.push_back(length);
        for (const int64_t length : lengths) {
            scaled.original_max_position = static_cast<uint32_t>(length);
            if (first_difference(scaled, divisors) == n_pairs) {
                out = scaled;
                return;
            }
        }
        scaled.original_max_position = static_cast<uint32_t>(lengths.front());
        const size_t j = first_difference(scaled, divisors);
        fail("tensor " + name + " is no llama3 scaling: value " + std::to_string(j) + " is " +
             std::to_string(divisors[j]) + ", expected " + std::to_string(divisor(scaled, j)) +
             " for factor " + std::to_string(most) + " and an original context of " +
             std::to_string(lengths.front()));
    }

    static double divisor(const afs_rope_params& scaled, size_t j) {
        afs_rope_params plain = scaled;
        plain.scaling = AFS_ROPE_PLAIN;
        const auto pair = static_cast<uint32_t>(j);
        return static_cast<double>(rope_inv_freq(plain, pair)) /
               static_cast<double>(rope_inv_freq(scaled, pair));
    }
    static size_t first_difference(const afs_rope_params& scaled,
                                   const std::vector<double>& divisors) {
        size_t j = 0;
        while (j < divisors.size() &&
               std::abs(divisor(scaled, j) - divisors[j]) <= 1e-5 * std::abs(divisors[j]))
            ++j;
        return j;
    }

    std::string architecture_;
};

inline DecoderConfig read_decoder(GgufConfig& in) {
    const auto key = [&in](const char* name) { return in.key(name); };
    DecoderConfig c =
        read_sizes(in, {key("embedding_length"), key("feed_forward_length"), key("block_count"),
                        key("attention.head_count"), key("attention.head_count_kv"),
                        key("attention.key_length"), key("context_length"),
                        key("attention.layer_norm_rms_epsilon")});
    c.is_gguf = true;
    const int64_t rows = in.rows("token_embd.weight");
    if (rows < 1 || rows > kMaxVocab) in.fail("tensor token_embd.weight is missing or has no rows");
    c.vocab_size = in.get(key("vocab_size")) ? in.count(key("vocab_size"), kMaxVocab) : rows;
    c.tied = !in.tensor("output.weight");
    c.rope = in.rope(c.head_dim);
    c.checkpoint_dtype = in.dtype();
    in.refuse("general.type", {"model"}, "only whole models are run");
    in.refuse(key("attention.value_length"), {c.head_dim}, "keys and values are equally long");
    in.refuse(key("attention.sliding_window"), {0},
              "windowed attention is not part of this family");
    in.refuse(key("attention.causal"), {true}, "only causal attention is known");
    in.refuse(key("attention.clamp_kqv"), {0.0}, "clipping is not part of this family");
    in.refuse(key("attention.max_alibi_bias"), {0.0}, "biases are not part of this family");
    in.refuse(key("attention.scale"), {}, "scores are divided by the root of the head's length");
    in.refuse(key("attn_logit_softcapping"), {0.0}, "capping is not part of this family");
    in.refuse(key("final_logit_softcapping"), {0.0}, "capping is not part of this family");
    in.refuse(key("use_parallel_residual"), {false}, "blocks follow each other in this family");
    in.refuse(key("expert_count"), {0}, "experts are not part of this family");
    for (const char* scale : {"logit_scale", "residual_scale", "embedding_scale"})
        in.refuse(key(scale), {1.0, 0.0}, "such scales are not part of this family");
    return c;
}

// Stop ids and sampling defaults as the file states them.
inline void read_generation(GgufConfig& in, DecoderConfig& c) {
    std::vector<int32_t> bos;
    for (const char* name : {"eos", "eot", "eom"})
        in.ids("tokenizer.ggml." + std::string(name) + "_token_id", c.vocab_size, c.stop_ids);
    in.ids("tokenizer.ggml.bos_token_id", c.vocab_size, bos);
    if (!bos.empty()) c.bos_id = bos.front();
    const auto number = [&in](const char* key, double least, double most, float& to) {
        if (in.get(key)) to = static_cast<float>(in.number(key, least, most));
    };
    number("general.sampling.temp", 0, 1e3, c.temperature);
    number("general.sampling.top_p", 0, 1, c.top_p);
    number("general.sampling.min_p", 0, 1, c.min_p);
    number("general.sampling.penalty_repeat", 1e-3, 1e3, c.repetition_penalty);
    const std::string top_k = "general.sampling.top_k";
    if (const JsonConfig::Json* k = in.get(top_k))
        c.top_k = *k == 0 ? 0 : static_cast<int32_t>(in.count(top_k, 1 << 30));
}

}  // namespace afs
