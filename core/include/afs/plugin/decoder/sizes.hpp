// The sizes that every Llama-like decoder has, read by whatever names the file gives them and
// checked against each other. The limits keep every product of sizes, in bytes and over all
// layers, inside 63 bits. C++17.
#pragma once
#include <string>

#include "afs/plugin/decoder/config.hpp"
#include "afs/plugin/json_config.hpp"

namespace afs {

struct SizeKeys {
    std::string hidden, ffn, layers, heads, kv_heads, head_dim, context, eps;
};

constexpr int64_t kMaxVocab = 1 << 24;

// kv_heads and head_dim may be absent: as many as heads, and hidden / heads.
inline DecoderConfig read_sizes(JsonConfig& in, const SizeKeys& key) {
    DecoderConfig c;
    c.hidden_dim = in.count(key.hidden, 1 << 20);
    c.ffn_dim = in.count(key.ffn, 1 << 22);
    c.n_layers = static_cast<uint32_t>(in.count(key.layers, 1024));
    c.n_heads = static_cast<uint32_t>(in.count(key.heads, 4096));
    c.n_kv_heads = static_cast<uint32_t>(in.count(key.kv_heads, c.n_heads, c.n_heads));
    if (c.n_heads % c.n_kv_heads != 0)
        in.expected(key.kv_heads, in.get(key.kv_heads),
                    "a divisor of " + key.heads + " " + std::to_string(c.n_heads));
    if (!in.get(key.head_dim) && c.hidden_dim % c.n_heads != 0)
        in.expected(key.heads, in.get(key.heads),
                    "a divisor of " + key.hidden + " " + std::to_string(c.hidden_dim) +
                        ", or an explicit " + key.head_dim);
    c.head_dim = static_cast<uint32_t>(in.count(key.head_dim, 4096, c.hidden_dim / c.n_heads));
    if (c.head_dim % 2 != 0 || c.head_dim == 0)
        in.fail(key.head_dim + " is " + std::to_string(c.head_dim) +
                ", expected an even number: rotary embedding turns pairs");
    c.context_length = static_cast<uint32_t>(in.count(key.context, 1 << 30));
    c.rms_eps = static_cast<float>(in.positive(key.eps));
    return c;
}

}  // namespace afs
