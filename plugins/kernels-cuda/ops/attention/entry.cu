// From the products of q, k and v to what a prompt's attention reads, a block a token: norms over
// whole rows, RoPE, k and v into the paged cache. As the single ops round. Bound by the rows'
// bytes.
#include "device/launch.hpp"
#include "kernels/cache.cuh"
#include "kernels/rows.cuh"
#include "ops/attention/attention.hpp"
#include "ops/attention/enter.cuh"

namespace afs::cuda {
namespace {

constexpr int kThreads = 256;
constexpr uint32_t kMaxHeadDim = 128;

template <class T>
struct EntryParams {
    Rows<const T> q, k, v;
    Rows<T> q_out;
    T *k_cache, *v_cache;
    CacheStride k_stride, v_stride;
    const int32_t *positions, *slots, *n_real;
    uint32_t n_heads, n_kv_heads, head_dim;
    int32_t block_size;
    const T *q_norm, *k_norm;
    float q_eps, k_eps;
    bool q_before_cast, k_before_cast, table_in_act_dtype;
    RopeFrequencies frequencies;
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    attention_entry_kernel(const __grid_constant__ EntryParams<T> p) {
    __shared__ float2 table[kMaxHeadDim / 2];
    let_next_start();
    const uint32_t token = blockIdx.x, half = p.head_dim / 2, pieces = half / 8;
    if (threadIdx.x < half)
        table[threadIdx.x] = rope_cos_sin<T>(
            p.positions[token], p.frequencies.inv_freq[threadIdx.x], p.table_in_act_dtype);
    wait_for_previous();
    if (static_cast<int32_t>(token) >= *p.n_real) return;
    const T *q = p.q.row(token), *k = p.k.row(token), *v = p.v.row(token);
    const float q_r = p.q_norm ? inverse_rms<kThreads>(q, p.n_heads * p.head_dim, p.q_eps) : 0.0f;
    const float k_r =
        p.k_norm ? inverse_rms<kThreads>(k, p.n_kv_heads * p.head_dim, p.k_eps) : 0.0f;
    __syncthreads();
    Pairs<T> pairs = {};
    const auto enter = [&](const T* row, uint32_t at, const T* norm, float r, bool before_cast,
                           uint32_t j, T* to) {
        pairs.load(row, at, half, norm);
        pairs.enter(norm != nullptr, r, before_cast, table + j, p.table_in_act_dtype);
        *reinterpret_cast<uint4*>(to) = pairs.low.raw;
        *reinterpret_cast<uint4*>(to + half) = pairs.high.raw;
    };
    for (uint32_t i = threadIdx.x; i < p.n_heads * pieces; i += kThreads) {
        const uint32_t j = i % pieces * 8, at = i / pieces * p.head_dim + j;
        enter(q, at, p.q_norm, q_r, p.q_before_cast, j, p.q_out.row(token) + at);
    }
    const int32_t slot = p.slots[token];
    if (slot < 0) return;
    const int64_t block = slot / p.block_size, inside = slot % p.block_size;
    for (uint32_t i = threadIdx.x; i < p.n_kv_heads * pieces; i += kThreads) {
        const uint32_t j = i % pieces * 8, head = i / pieces;
        enter(k, head * p.head_dim + j, p.k_norm, k_r, p.k_before_cast, j,
              p.k_cache + p.k_stride.at(block, head, inside) + j);
    }
    for (uint32_t i = threadIdx.x; i < p.n_kv_heads * pieces * 2; i += kThreads) {
        const uint32_t j = i % (2 * pieces) * 8, head = i / (2 * pieces);
        *reinterpret_cast<uint4*>(p.v_cache + p.v_stride.at(block, head, inside) + j) =
            fresh_load16(v + head * p.head_dim + j);
    }
}

template <class T>
Status launch_entry(const AttentionArgs& a, const AttentionEntry& e, bool early) {
    const EntryParams<T> p = {rows_of<const T>(a.q),
                              rows_of<const T>(e.k),
                              rows_of<const T>(e.v),
                              rows_of<T>(a.out),
                              static_cast<T*>(const_cast<void*>(a.k)),
                              static_cast<T*>(const_cast<void*>(a.v)),
                              CacheStride(a.layout.k_stride),
                              CacheStride(a.layout.v_stride),
                              a.step.positions,
                              a.step.slots,
                              a.step.cu_seqlens + a.step.n_seqs,
                              a.params.n_heads,
                              a.params.n_kv_heads,
                              a.params.head_dim,
                              static_cast<int32_t>(a.layout.block_size),
                              static_cast<const T*>(e.q_norm),
                              static_cast<const T*>(e.k_norm),
                              e.q_eps,
                              e.k_eps,
                              e.q_before_cast != 0,
                              e.k_before_cast != 0,
                              e.table_in_act_dtype != 0,
                              e.frequencies};
    Launch how = {a.step.n_tokens, kThreads, 0, a.stream};
    how.overlaps = early;
    return launch(how, attention_entry_kernel<T>, p);
}

}  // namespace

Status attention_entry(const AttentionArgs& args, const AttentionEntry& entry, bool early) {
    if (args.step.n_tokens == 0) return {};
    return args.q.dtype == AFS_BF16 ? launch_entry<bf16>(args, entry, early)
                                    : launch_entry<f16>(args, entry, early);
}

}  // namespace afs::cuda
