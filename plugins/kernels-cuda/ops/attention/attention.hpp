// The kernels behind attention/1. Each is given one step and writes the rows of its real tokens.
#pragma once
#include <cuda_runtime_api.h>

#include "afs/kernels.hpp"

namespace afs::cuda {

struct AttentionArgs {
    afs_attention_params params;
    afs_kv_layout layout;
    afs_step step;
    afs_tensor q, out;  // [n_tokens, n_heads * head_dim]
    const void *k, *v;  // this layer's cache
    cudaStream_t stream;
};

constexpr uint32_t kAttentionMaxHeadDim = 512;

// Any dtypes, strides, head_dim up to kAttentionMaxHeadDim and grouping: one block for each token
// and query head.
Status attention_any(const AttentionArgs& args);

}  // namespace afs::cuda
