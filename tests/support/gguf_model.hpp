// The metadata and tensor list of a whole model as a GGUF file has them, for either family.
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "support/gguf_file.hpp"

namespace afs::test {

struct GgufSizes {
    std::string architecture = "llama";  // or "olmo2"
    int64_t hidden = 256, ffn = 256, vocab = 97, heads = 4, kv_heads = 2, head_dim = 64, layers = 2;
    float theta = 500000, eps = 1e-5f;
    uint32_t context = 512;
    bool tied = false;
};

inline GgufBuilder gguf_metadata(const GgufSizes& s) {
    GgufBuilder b;
    const auto count = [&](const std::string& key, int64_t n) {
        b.u32(s.architecture + "." + key, static_cast<uint32_t>(n));
    };
    b.text("general.architecture", s.architecture);
    count("embedding_length", s.hidden), count("feed_forward_length", s.ffn);
    count("block_count", s.layers), count("context_length", s.context);
    count("attention.head_count", s.heads), count("attention.head_count_kv", s.kv_heads);
    count("attention.key_length", s.head_dim), count("rope.dimension_count", s.head_dim);
    b.f32(s.architecture + ".attention.layer_norm_rms_epsilon", s.eps);
    b.f32(s.architecture + ".rope.freq_base", s.theta);
    b.u32("tokenizer.ggml.eos_token_id", 1);
    return b;
}

struct GgufWeight {
    std::string name, hf;  // "blk.0.attn_q.weight" and what Hugging Face calls it
    std::vector<int64_t> shape;
    bool paired = false;  // Llama's q and k
};

inline std::vector<GgufWeight> gguf_weights(const GgufSizes& s) {
    const int64_t d = s.hidden, q = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim;
    const bool llama = s.architecture == "llama";
    std::vector<GgufWeight> all = {{"token_embd.weight", "model.embed_tokens.weight", {s.vocab, d}},
                                   {"output_norm.weight", "model.norm.weight", {d}}};
    if (!s.tied) all.push_back({"output.weight", "lm_head.weight", {s.vocab, d}});
    for (int64_t i = 0; i < s.layers; ++i) {
        const auto add = [&](const std::string& name, const std::string& hf,
                             std::vector<int64_t> shape, bool paired = false) {
            const std::string layer = std::to_string(i) + ".";
            all.push_back({"blk." + layer + name + ".weight",
                           "model.layers." + layer + hf + ".weight", std::move(shape), paired});
        };
        add("attn_q", "self_attn.q_proj", {q, d}, llama);
        add("attn_k", "self_attn.k_proj", {kv, d}, llama);
        add("attn_v", "self_attn.v_proj", {kv, d});
        add("attn_output", "self_attn.o_proj", {d, q});
        add("ffn_gate", "mlp.gate_proj", {s.ffn, d});
        add("ffn_up", "mlp.up_proj", {s.ffn, d});
        add("ffn_down", "mlp.down_proj", {d, s.ffn});
        if (llama) {
            add("attn_norm", "input_layernorm", {d});
            add("ffn_norm", "post_attention_layernorm", {d});
        } else {
            add("attn_q_norm", "self_attn.q_norm", {q});
            add("attn_k_norm", "self_attn.k_norm", {kv});
            add("post_attention_norm", "post_attention_layernorm", {d});
            add("post_ffw_norm", "post_feedforward_layernorm", {d});
        }
    }
    return all;
}

// rope_freqs.weight of Llama 3.1's scaling.
inline std::string rope_divisors(const GgufSizes& s, double factor, double low, double high,
                                 double original) {
    std::string bytes;
    for (int64_t j = 0; j < s.head_dim / 2; ++j) {
        const double exponent = 2.0 * static_cast<double>(j) / static_cast<double>(s.head_dim);
        const double wavelength = 2 * M_PI * std::pow(static_cast<double>(s.theta), exponent);
        const double smooth = std::clamp((original / wavelength - low) / (high - low), 0.0, 1.0);
        bytes += le(static_cast<float>(1 / ((1 - smooth) / factor + smooth)));
    }
    return bytes;
}

}  // namespace afs::test
