// The kernels behind attention/1. Each is given one step and writes the rows of its real tokens.
#pragma once
#include <cuda_runtime_api.h>

#include "afs/kernels.hpp"
#include "kernels/rope_frequencies.hpp"

namespace afs::cuda {

struct AttentionArgs {
    afs_attention_params params;
    afs_kv_layout layout;
    afs_step step;
    afs_tensor q, out;  // [n_tokens, n_heads * head_dim]
    const void *k, *v;  // this layer's cache
    cudaStream_t stream;
    // For attention_decode over long contexts: attention_split_bytes and attention_split_state, the
    // latter zero between launches. NULL: clusters alone.
    float* split_sums = nullptr;
    uint32_t* split_arrived = nullptr;
};

constexpr uint32_t kAttentionMaxHeadDim = 512;
constexpr uint32_t kAttentionDecodeGroup = 8;  // query heads of a kv head in attention_decode

// What stands between the products of q, k and v and attention, done on the way in: norms over the
// whole rows (OLMo-2), RoPE, and the append to the cache.
struct AttentionEntry {
    afs_tensor k, v;                                  // [n_tokens, n_kv_heads * head_dim]
    const void *q_norm = nullptr, *k_norm = nullptr;  // weights, or NULL: no norm
    float q_eps = 0, k_eps = 0;
    int32_t q_before_cast = 0, k_before_cast = 0;  // the norms' variant
    int32_t table_in_act_dtype = 0;                // RoPE's
    RopeFrequencies frequencies{};
    // Whether the kernel before runs long enough to go through the code once in its time: what has
    // to come from memory, instructions too, is then there.
    bool rehearse = false;
};

// Any dtypes, strides, head_dim up to kAttentionMaxHeadDim and grouping: one block for each token
// and query head.
Status attention_any(const AttentionArgs& args);

// Whether both sides of the cache, q and out are of one 16-bit dtype, head_dim 64 or 128, and may
// be read 16 bytes at a time.
bool attention_is_wide(const AttentionArgs& args);

// Steps of any lengths in fp16 or bf16 with a cache of the same dtype (sm_90a). A row's bits do not
// depend on the other rows. exact: probabilities are not rounded to the cache's dtype.
bool attention_prefill_fits(const AttentionArgs& args);
Status attention_prefill(const AttentionArgs& args, bool exact);

// The entry by itself, for tensors that attention_is_wide: args.q is the product of q, args.out
// becomes what attention reads. early: see stream_launch.
Status attention_entry(const AttentionArgs& args, const AttentionEntry& entry, bool early);

// A decode step in fp16 or bf16 with a cache of the same dtype (sm_90 and later): a cluster of
// blocks for each sequence and kv head shares its context.
bool attention_decode_fits(const AttentionArgs& args);
uint64_t attention_split_bytes(const afs_attention_params& params);
uint64_t attention_split_state();
// entry NULL: q is turned and the cache complete. early: see stream_launch.
Status attention_decode(const AttentionArgs& args, const AttentionEntry* entry, bool early);

}  // namespace afs::cuda
