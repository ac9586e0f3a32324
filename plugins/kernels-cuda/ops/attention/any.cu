// attention/1 for every dtype, cache layout and head_dim: the slow, plain way.
//
// A block serves one query head of one token; its warps take the context's positions in turn, each
// with an online softmax of its own (largest score m, sum l of exp(score - m), weighted sum of v),
// and are combined at the end. The order of every sum is fixed by the position alone.
#include "device/launch.hpp"
#include "kernels/cache.cuh"
#include "kernels/overlap.cuh"
#include "kernels/reduce.cuh"
#include "kernels/rows.cuh"
#include "ops/attention/attention.hpp"

namespace afs::cuda {
namespace {

constexpr int kWarps = 4;

struct AnyParams {
    const void *k, *v;
    CacheStride k_stride, v_stride;
    int32_t cache_dtype;
    const int32_t *cu_seqlens, *context_lens, *block_table;
    uint32_t n_seqs, max_blocks, max_context, block_size, group, head_dim;
    float scale;
};

__device__ float cached(const void* side, int32_t dtype, int64_t i) {
    if (dtype == AFS_F32) return static_cast<const float*>(side)[i];
    if (dtype == AFS_BF16) return widen(static_cast<const bf16*>(side)[i]);
    return widen(static_cast<const f16*>(side)[i]);
}

// What a partial softmax with maximum `from` is worth under a maximum `to`.
__device__ float rescale(float from, float to) {
    return from == -INFINITY ? 0.0f : expf(from - to);
}

// kPer: dimensions of a lane; lane i has i, i + 32, ..
template <class T, int kPer>
__global__ void attention_any_kernel(Rows<const T> q, Rows<T> out,
                                     const __grid_constant__ AnyParams p) {
    __shared__ float of_warp[kWarps][32 * kPer];
    __shared__ float largest[kWarps], sums[kWarps];
    let_next_start();
    wait_for_previous();
    const auto token = static_cast<int32_t>(blockIdx.x);
    const uint32_t head = blockIdx.y, kv_head = head / p.group;
    const uint32_t seq = sequence_of(p.cu_seqlens, p.n_seqs, token);
    if (seq == p.n_seqs) return;
    const int32_t behind = p.cu_seqlens[seq + 1] - token;  // itself counted
    const uint32_t n = min(static_cast<uint32_t>(max(p.context_lens[seq] - behind + 1, 0)),
                           min(p.max_context, p.max_blocks * p.block_size));
    const int32_t* blocks = p.block_table + uint64_t{seq} * p.max_blocks;
    const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;

    float query[kPer], sum[kPer], m = -INFINITY, l = 0;
#pragma unroll
    for (int i = 0; i < kPer; ++i) {
        const uint32_t d = lane + 32 * i;
        query[i] = d < p.head_dim ? widen(q.row(token)[head * p.head_dim + d]) : 0.0f;
        sum[i] = 0;
    }
    for (uint32_t position = warp; position < n; position += kWarps) {
        const int64_t block = blocks[position / p.block_size], slot = position % p.block_size;
        const int64_t k_at = p.k_stride.at(block, kv_head, slot);
        const int64_t v_at = p.v_stride.at(block, kv_head, slot);
        float dot = 0;
#pragma unroll
        for (int i = 0; i < kPer; ++i) {
            const uint32_t d = lane + 32 * i;
            if (d < p.head_dim)
                dot += query[i] * cached(p.k, p.cache_dtype, k_at + d * p.k_stride.dim);
        }
        const float score = warp_sum(dot) * p.scale, next = fmaxf(m, score);
        const float keep = rescale(m, next), weight = rescale(score, next);
        l = l * keep + weight;
#pragma unroll
        for (int i = 0; i < kPer; ++i) {
            const uint32_t d = lane + 32 * i;
            if (d < p.head_dim)
                sum[i] =
                    sum[i] * keep + weight * cached(p.v, p.cache_dtype, v_at + d * p.v_stride.dim);
        }
        m = next;
    }

    if (lane == 0) largest[warp] = m, sums[warp] = l;
#pragma unroll
    for (int i = 0; i < kPer; ++i) of_warp[warp][lane + 32 * i] = sum[i];
    __syncthreads();
    float top = largest[0], total = 0;
    for (int w = 1; w < kWarps; ++w) top = fmaxf(top, largest[w]);
    for (int w = 0; w < kWarps; ++w) total += sums[w] * rescale(largest[w], top);
    for (uint32_t d = threadIdx.x; d < p.head_dim; d += 32 * kWarps) {
        float x = 0;
        for (int w = 0; w < kWarps; ++w) x += of_warp[w][d] * rescale(largest[w], top);
        out.row(token)[head * p.head_dim + d] = narrow<T>(x / total);
    }
}

}  // namespace

Status attention_any(const AttentionArgs& a) {
    const AnyParams p = {a.k,
                         a.v,
                         CacheStride(a.layout.k_stride),
                         CacheStride(a.layout.v_stride),
                         a.layout.dtype,
                         a.step.cu_seqlens,
                         a.step.context_lens,
                         a.step.block_table,
                         a.step.n_seqs,
                         a.step.max_blocks,
                         a.step.max_context,
                         a.layout.block_size,
                         a.params.n_heads / a.params.n_kv_heads,
                         a.params.head_dim,
                         a.params.scale};
    return dispatch(a.out.dtype, [&](auto t) {
        using T = decltype(t);
        const auto launch = [&](auto per) {
            const Launch how = {dim3(a.step.n_tokens, a.params.n_heads), 32 * kWarps, 0, a.stream};
            return cuda::launch(how, attention_any_kernel<T, decltype(per)::value>,
                                rows_of<const T>(a.q), rows_of<T>(a.out), p);
        };
        if (p.head_dim <= 64) return launch(std::integral_constant<int, 2>{});
        if (p.head_dim <= 128) return launch(std::integral_constant<int, 4>{});
        return launch(std::integral_constant<int, kAttentionMaxHeadDim / 32>{});
    });
}

}  // namespace afs::cuda
