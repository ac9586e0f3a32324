// What a decoder-only family reads from its checkpoint's configuration, and what the host is told
// of it. afs/plugin/decoder/source.hpp fills it. C++17.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "afs/abi/model.h"
#include "afs/kernels.hpp"  // put, make

namespace afs {

struct DecoderConfig {
    int64_t hidden_dim = 0, ffn_dim = 0, vocab_size = 0;
    uint32_t n_layers = 0, n_heads = 0, n_kv_heads = 0, head_dim = 0;
    uint32_t context_length = 0;
    float rms_eps = 0;
    bool tied = false;                               // lm_head is the embedding
    bool is_gguf = false;                            // tensors have GGUF's names and order of rows
    afs_rope_params rope = make<afs_rope_params>();  // without table_in_act_dtype
    int32_t checkpoint_dtype = AFS_DTYPE_NONE;
    std::vector<int32_t> stop_ids;
    int32_t bos_id = -1;
    float temperature = std::numeric_limits<float>::quiet_NaN();
    float top_p = std::numeric_limits<float>::quiet_NaN();
    int32_t top_k = -1;
    float min_p = 0, repetition_penalty = 0;  // 0: not stated

    int64_t q_dim() const { return int64_t{n_heads} * head_dim; }
    int64_t kv_dim() const { return int64_t{n_kv_heads} * head_dim; }
    afs_attention_params attention() const {
        afs_attention_params params = make<afs_attention_params>();
        params.n_heads = n_heads;
        params.n_kv_heads = n_kv_heads;
        params.head_dim = head_dim;
        params.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim)));
        return params;
    }
    // info.stop_ids points into this object.
    void fill(const char* family, afs_model_info& info) const {
        info.context_length = context_length;
        info.vocab_rows = static_cast<uint32_t>(vocab_size);
        info.n_stop_ids = static_cast<uint32_t>(stop_ids.size());
        info.stop_ids = stop_ids.data();
        info.bos_id = bos_id;
        info.checkpoint_dtype = checkpoint_dtype;
        info.temperature = temperature;
        info.top_p = top_p;
        info.top_k = top_k;
        info.min_p = min_p;
        info.repetition_penalty = repetition_penalty;
        put(info.summary, std::string(family) + ", " + std::to_string(n_layers) +
                              " layers, hidden " + std::to_string(hidden_dim) + ", " +
                              std::to_string(n_heads) + " heads (" + std::to_string(n_kv_heads) +
                              " kv) x " + std::to_string(head_dim) + ", ffn " +
                              std::to_string(ffn_dim) + (tied ? ", tied head" : ""));
    }
};

}  // namespace afs
