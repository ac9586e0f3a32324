// attention/1 where every sequence has one token, in fp16 or bf16 over a cache of the same dtype.
//
// A cluster of 8 blocks serves one kv head of one sequence and all query heads that share it: each
// block takes an eighth of the context, its warps take positions in turn, a few lanes a position,
// with online softmaxes that are combined in registers, in shared memory and across the cluster.
// How a context is divided depends on its own length alone, never on the batch. Bound by the bytes
// of the cache; at short contexts by latency, so everything that does not depend on the kernel
// before (the cache but for its newest position, RoPE's table) is fetched before waiting for it.
#include "device/error.hpp"
#include "kernels/cache.cuh"
#include "kernels/cluster.cuh"
#include "kernels/overlap.cuh"
#include "kernels/reduce.cuh"
#include "kernels/rope.cuh"
#include "kernels/rows.cuh"
#include "ops/attention/attention.hpp"

namespace afs::cuda {
namespace {

constexpr int kCluster = 8, kWarps = 8, kThreads = 32 * kWarps;
constexpr int kBatch = 4;  // positions of a lane in flight

template <class T>
struct DecodeParams {
    Rows<const T> q, k, v;  // k, v: of the entry
    Rows<T> out;
    T *k_cache, *v_cache;
    CacheStride k_stride, v_stride;
    const int32_t *cu_seqlens, *context_lens, *block_table, *positions, *slots;
    uint32_t n_seqs, max_blocks, max_context, block_size, n_heads, n_kv_heads, group;
    float scale;
    bool entry;  // q, k and v are raw products: norm, turn, append
    const T *q_norm, *k_norm;
    float q_eps, k_eps;
    bool q_before_cast, k_before_cast, table_in_act_dtype;
    RopeFrequencies frequencies;
};

// A partial softmax of one head: largest exponent m, sum l of 2^(exponent - m), and elsewhere the
// sum of v weighted so.
struct Partial {
    float m, l;
};
// What a partial with maximum `from` is worth under a maximum `to`.
__device__ float worth(float from, float to) {
    return from == -INFINITY ? 0.0f : exp2f(from - to);
}

template <class T, int kHeadDim, int kGroup>
struct Shared {
    float q[kGroup][kHeadDim];
    Partial part[kWarps][kGroup], whole[kGroup];
    float sum[kWarps][kGroup][kHeadDim];  // of each warp; then row 0 of the whole block
    float2 table[kHeadDim / 2];
    alignas(16) T newest_k[kHeadDim];
    alignas(16) T newest_v[kHeadDim];
};

// Sum of squares of a row of n elements; in every thread.
template <class T>
__device__ float squares_of_row(const T* row, uint32_t n) {
    float sum = 0;
    for (uint32_t i = threadIdx.x * 8; i < n; i += kThreads * 8) {
        const auto v = fresh_load<8>(row + i);
#pragma unroll
        for (int e = 0; e < 8; ++e) sum += widen(v.at[e]) * widen(v.at[e]);
    }
    return block_sum(sum);
}

template <class T>
__device__ T normed(T x, T weight, float r, bool before_cast) {
    const float scaled = widen(x) * r;
    return narrow<T>(widen(weight) * (before_cast ? scaled : rounded<T>(scaled)));
}

// One head's pair j of a raw row, normed where there is a norm, and turned.
template <class T, int kHeadDim>
__device__ void enter_pair(const T* row, uint32_t at, const T* norm, float r, bool before_cast,
                           float2 cos_sin, bool in_act_dtype, T& a, T& b) {
    constexpr uint32_t kHalf = kHeadDim / 2;
    a = __ldcg(row + at), b = __ldcg(row + at + kHalf);
    if (norm) {
        a = normed(a, norm[at], r, before_cast);
        b = normed(b, norm[at + kHalf], r, before_cast);
    }
    rope_turn(a, b, cos_sin, in_act_dtype);
}

// The query heads of this block in shared memory, times scale * log2(e).
template <class T, int kHeadDim, int kGroup>
__device__ void take_queries(const DecodeParams<T>& p, uint32_t token, uint32_t kv_head,
                             Shared<T, kHeadDim, kGroup>& s) {
    constexpr uint32_t kHalf = kHeadDim / 2;
    const float scale = p.scale * 1.44269504f;
    const T* row = p.q.row(token);
    float r = 0;
    if (p.entry && p.q_norm) {
        const uint32_t width = p.n_heads * kHeadDim;
        r = 1.0f / sqrtf(squares_of_row(row, width) / static_cast<float>(width) + p.q_eps);
    }
    for (uint32_t i = threadIdx.x; i < kGroup * kHalf; i += kThreads) {
        const uint32_t h = i / kHalf, j = i % kHalf;
        T a{}, b{};
        if (h < p.group) {
            const uint32_t at = (kv_head * p.group + h) * kHeadDim + j;
            if (p.entry)
                enter_pair<T, kHeadDim>(row, at, p.q_norm, r, p.q_before_cast, s.table[j],
                                        p.table_in_act_dtype, a, b);
            else
                a = __ldcg(row + at), b = __ldcg(row + at + kHalf);
        }
        s.q[h][j] = widen(a) * scale;
        s.q[h][j + kHalf] = widen(b) * scale;
    }
}

// The newest position's k and v: in shared memory, and into the cache.
template <class T, int kHeadDim, int kGroup>
__device__ void take_newest(const DecodeParams<T>& p, uint32_t token, uint32_t kv_head,
                            Shared<T, kHeadDim, kGroup>& s) {
    constexpr uint32_t kHalf = kHeadDim / 2;
    float r = 0;
    if (p.k_norm) {
        const uint32_t width = p.n_kv_heads * kHeadDim;
        r = 1.0f /
            sqrtf(squares_of_row(p.k.row(token), width) / static_cast<float>(width) + p.k_eps);
    }
    const int64_t block = p.slots[token] / static_cast<int32_t>(p.block_size);
    const int64_t slot = p.slots[token] % static_cast<int32_t>(p.block_size);
    T* const k_to = p.k_cache + p.k_stride.at(block, kv_head, slot);
    T* const v_to = p.v_cache + p.v_stride.at(block, kv_head, slot);
    for (uint32_t j = threadIdx.x; j < kHalf; j += kThreads) {
        T a, b;
        enter_pair<T, kHeadDim>(p.k.row(token), kv_head * kHeadDim + j, p.k_norm, r,
                                p.k_before_cast, s.table[j], p.table_in_act_dtype, a, b);
        s.newest_k[j] = k_to[j] = a;
        s.newest_k[j + kHalf] = k_to[j + kHalf] = b;
    }
    for (uint32_t j = threadIdx.x; j < kHeadDim; j += kThreads)
        s.newest_v[j] = v_to[j] = __ldcg(p.v.row(token) + kv_head * kHeadDim + j);
}

// A lane's 8 dimensions of the positions that it has in flight.
template <class T>
struct Batch {
    Pack<T, 8> k[kBatch], v[kBatch];
};

// What a lane has summed up over its positions, for each query head.
template <class T, int kHeadDim, int kGroup>
struct Lane {
    static constexpr int kLanes = kHeadDim / 8;  // of one position
    float q[kGroup][8], sum[kGroup][8];
    Partial part[kGroup];

    __device__ void start(const Shared<T, kHeadDim, kGroup>& s) {
        const uint32_t dim = threadIdx.x % kLanes * 8;
#pragma unroll
        for (int h = 0; h < kGroup; ++h)
#pragma unroll
            for (int e = 0; e < 8; ++e) q[h][e] = s.q[h][dim + e], sum[h][e] = 0;
        for (Partial& each : part) each = {-INFINITY, 0};
    }
    // inside[i]: whether position i counts; alike in all lanes of a position.
    template <int N>
    __device__ void take(const Pack<T, 8> (&k)[N], const Pack<T, 8> (&v)[N],
                         const bool (&inside)[N]) {
#pragma unroll
        for (int h = 0; h < kGroup; ++h) {
            float score[N], m = part[h].m;
#pragma unroll
            for (int i = 0; i < N; ++i) {
                float dot = 0;
#pragma unroll
                for (int e = 0; e < 8; ++e) dot += q[h][e] * widen(k[i].at[e]);
#pragma unroll
                for (int step = kLanes / 2; step > 0; step /= 2)
                    dot += __shfl_xor_sync(0xffffffffu, dot, step);
                score[i] = inside[i] ? dot : -INFINITY;
                m = fmaxf(m, score[i]);
            }
            const float keep = worth(part[h].m, m);
            part[h].m = m;
            part[h].l *= keep;
#pragma unroll
            for (int e = 0; e < 8; ++e) sum[h][e] *= keep;
#pragma unroll
            for (int i = 0; i < N; ++i) {
                const float weight = inside[i] ? worth(score[i], m) : 0.0f;
                part[h].l += weight;
                if (!inside[i]) continue;  // what was loaded there is nobody's
#pragma unroll
                for (int e = 0; e < 8; ++e) sum[h][e] += weight * widen(v[i].at[e]);
            }
        }
    }
    // Combines the lanes of a warp that have the same dimensions.
    __device__ void combine() {
#pragma unroll
        for (int h = 0; h < kGroup; ++h)
#pragma unroll
            for (int step = kLanes; step < 32; step *= 2) {
                const float m = __shfl_xor_sync(0xffffffffu, part[h].m, step);
                const float l = __shfl_xor_sync(0xffffffffu, part[h].l, step);
                const float top = fmaxf(part[h].m, m);
                const float own = worth(part[h].m, top), other = worth(m, top);
                part[h].m = top;
                part[h].l = part[h].l * own + l * other;
#pragma unroll
                for (int e = 0; e < 8; ++e) {
                    const float theirs = __shfl_xor_sync(0xffffffffu, sum[h][e], step);
                    sum[h][e] = sum[h][e] * own + theirs * other;
                }
            }
    }
};

template <class T, int kHeadDim, int kGroup>
__global__ void __launch_bounds__(kThreads, kGroup <= 4 ? 2 : 1)
    attention_decode_kernel(const __grid_constant__ DecodeParams<T> p) {
#if __CUDA_ARCH__ >= 900
    __shared__ Shared<T, kHeadDim, kGroup> s;
    constexpr uint32_t kLanes = kHeadDim / 8, kPerWarp = 32 / kLanes, kStep = kWarps * kPerWarp;
    if (threadIdx.x == 0) let_next_start();
    const uint32_t rank = cluster_rank(), kv_head = blockIdx.y, seq = blockIdx.z;
    const auto token = static_cast<uint32_t>(p.cu_seqlens[seq]);
    const bool empty = static_cast<int32_t>(token) >= p.cu_seqlens[seq + 1];
    const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const uint32_t dim = lane % kLanes * 8;

    // This block's positions; with an entry the newest is apart, the last block's.
    const uint32_t context = empty ? 0
                                   : min(static_cast<uint32_t>(max(p.context_lens[seq], 0)),
                                         min(p.max_context, p.max_blocks * p.block_size));
    const uint32_t stored = p.entry && context > 0 ? context - 1 : context;
    const uint32_t share = (stored + kCluster - 1) / kCluster;
    const uint32_t begin = min(rank * share, stored), end = min(begin + share, stored);
    const int32_t* blocks = p.block_table + uint64_t{seq} * p.max_blocks;
    Batch<T> batch;
    const auto fetch = [&](uint32_t first) {
#pragma unroll
        for (int i = 0; i < kBatch; ++i) {
            const uint32_t position = first + i * kStep;
            if (position >= end) continue;
            const int64_t block = blocks[position / p.block_size], slot = position % p.block_size;
            batch.k[i] = fresh_load<8>(p.k_cache + p.k_stride.at(block, kv_head, slot) + dim);
            batch.v[i] = fresh_load<8>(p.v_cache + p.v_stride.at(block, kv_head, slot) + dim);
        }
    };
    uint32_t first = begin + warp * kPerWarp + lane / kLanes;
    fetch(first);
    if (p.entry)
        for (uint32_t j = threadIdx.x; j < kHeadDim / 2; j += kThreads)
            s.table[j] = rope_cos_sin<T>(empty ? 0 : p.positions[token], p.frequencies.inv_freq[j],
                                         p.table_in_act_dtype);
    __syncthreads();
    wait_for_previous();
    if (empty) return;  // the whole cluster

    const bool has_newest = p.entry && rank == kCluster - 1;
    take_queries(p, token, kv_head, s);
    if (has_newest) take_newest(p, token, kv_head, s);
    __syncthreads();

    Lane<T, kHeadDim, kGroup> own;
    own.start(s);
    for (uint32_t base = begin; base < end; base += kBatch * kStep, first += kBatch * kStep) {
        bool inside[kBatch];
#pragma unroll
        for (int i = 0; i < kBatch; ++i) inside[i] = first + i * kStep < end;
        own.take(batch.k, batch.v, inside);
        fetch(first + kBatch * kStep);
    }
    if (has_newest && warp == 0) {
        const Pack<T, 8> k[1] = {load<8>(s.newest_k + dim)}, v[1] = {load<8>(s.newest_v + dim)};
        const bool inside[1] = {lane < kLanes};
        own.take(k, v, inside);
    }
    own.combine();

#pragma unroll
    for (int h = 0; h < kGroup; ++h) {
        if (lane == 0) s.part[warp][h] = own.part[h];
        if (lane < kLanes)
#pragma unroll
            for (int e = 0; e < 8; ++e) s.sum[warp][h][dim + e] = own.sum[h][e];
    }
    __syncthreads();
    // The block's warps into row 0, each element by one thread.
    for (uint32_t i = threadIdx.x; i < kGroup * kHeadDim; i += kThreads) {
        const uint32_t h = i / kHeadDim, d = i % kHeadDim;
        Partial whole = {-INFINITY, 0};
        for (int w = 0; w < kWarps; ++w) whole.m = fmaxf(whole.m, s.part[w][h].m);
        float sum = 0;
        for (int w = 0; w < kWarps; ++w) {
            const float weight = worth(s.part[w][h].m, whole.m);
            whole.l += s.part[w][h].l * weight;
            sum += s.sum[w][h][d] * weight;
        }
        s.sum[0][h][d] = sum;
        if (d == 0) s.whole[h] = whole;
    }
    cluster_sync();
    // The cluster's blocks: each finishes an eighth of the elements.
    for (uint32_t i = rank * kThreads + threadIdx.x; i < p.group * kHeadDim;
         i += kCluster * kThreads) {
        const uint32_t h = i / kHeadDim, d = i % kHeadDim;
        float m[kCluster], top = -INFINITY;
#pragma unroll
        for (int r = 0; r < kCluster; ++r) {
            m[r] = cluster_load(&s.whole[h].m, r);
            top = fmaxf(top, m[r]);
        }
        float l = 0, sum = 0;
#pragma unroll
        for (int r = 0; r < kCluster; ++r) {
            const float weight = worth(m[r], top);
            l += cluster_load(&s.whole[h].l, r) * weight;
            sum += cluster_load(&s.sum[0][h][d], r) * weight;
        }
        p.out.row(token)[(kv_head * p.group + h) * kHeadDim + d] = narrow<T>(sum / l);
    }
    cluster_sync();  // shared memory stays until every block has read it
#endif
}

template <class T>
DecodeParams<T> params_of(const AttentionArgs& a, const AttentionEntry* e) {
    DecodeParams<T> p = {rows_of<const T>(a.q),
                         {},
                         {},
                         rows_of<T>(a.out),
                         static_cast<T*>(const_cast<void*>(a.k)),
                         static_cast<T*>(const_cast<void*>(a.v)),
                         CacheStride(a.layout.k_stride),
                         CacheStride(a.layout.v_stride),
                         a.step.cu_seqlens,
                         a.step.context_lens,
                         a.step.block_table,
                         a.step.positions,
                         a.step.slots,
                         a.step.n_seqs,
                         a.step.max_blocks,
                         a.step.max_context,
                         a.layout.block_size,
                         a.params.n_heads,
                         a.params.n_kv_heads,
                         a.params.n_heads / a.params.n_kv_heads,
                         a.params.scale,
                         e != nullptr,
                         nullptr,
                         nullptr,
                         0,
                         0,
                         false,
                         false,
                         false,
                         {}};
    if (!e) return p;
    p.k = rows_of<const T>(e->k);
    p.v = rows_of<const T>(e->v);
    p.q_norm = static_cast<const T*>(e->q_norm);
    p.k_norm = static_cast<const T*>(e->k_norm);
    p.q_eps = e->q_eps, p.k_eps = e->k_eps;
    p.q_before_cast = e->q_before_cast != 0, p.k_before_cast = e->k_before_cast != 0;
    p.table_in_act_dtype = e->table_in_act_dtype != 0;
    p.frequencies = e->frequencies;
    return p;
}

template <class T, int kHeadDim, int kGroup>
Status launch(const AttentionArgs& a, const AttentionEntry* entry, bool early) {
    cudaLaunchAttribute attributes[2] = {};
    attributes[0].id = cudaLaunchAttributeClusterDimension;
    attributes[0].val.clusterDim.x = kCluster;
    attributes[0].val.clusterDim.y = attributes[0].val.clusterDim.z = 1;
    attributes[1].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[1].val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(kCluster, a.params.n_kv_heads, a.step.n_seqs);
    config.blockDim = dim3(kThreads);
    config.stream = a.stream;
    config.attrs = attributes;
    config.numAttrs = early ? 2 : 1;
    AFS_CUDA_TRY(cudaLaunchKernelEx(&config, attention_decode_kernel<T, kHeadDim, kGroup>,
                                    params_of<T>(a, entry)));
    return {};
}

template <class T, int kHeadDim>
Status choose(const AttentionArgs& a, const AttentionEntry* entry, bool early) {
    const uint32_t group = a.params.n_heads / a.params.n_kv_heads;
    if (group == 1) return launch<T, kHeadDim, 1>(a, entry, early);
    if (group <= 4) return launch<T, kHeadDim, 4>(a, entry, early);
    return launch<T, kHeadDim, 8>(a, entry, early);
}

template <class T>
Status choose(const AttentionArgs& a, const AttentionEntry* entry, bool early) {
    return a.params.head_dim == 64 ? choose<T, 64>(a, entry, early)
                                   : choose<T, 128>(a, entry, early);
}

// Whether every vector of a side may be loaded 16 bytes at a time.
bool wide_side(const void* data, const int64_t (&stride)[4]) {
    return reinterpret_cast<uintptr_t>(data) % 16 == 0 && stride[0] % 8 == 0 &&
           stride[1] % 8 == 0 && stride[2] % 8 == 0 && stride[3] == 1;
}

}  // namespace

bool attention_decode_fits(const AttentionArgs& a) {
    int device = 0, major = 0;
    if (cudaGetDevice(&device) != cudaSuccess ||
        cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) != cudaSuccess)
        return false;
    const int32_t dtype = a.out.dtype;
    const uint32_t head_dim = a.params.head_dim, group = a.params.n_heads / a.params.n_kv_heads;
    return major >= 9 && (dtype == AFS_BF16 || dtype == AFS_F16) && a.layout.dtype == dtype &&
           (head_dim == 64 || head_dim == 128) && group <= 8 && is_wide(a.q) &&
           a.step.n_seqs <= 65535 && a.params.n_kv_heads <= 65535 &&
           wide_side(a.k, a.layout.k_stride) && wide_side(a.v, a.layout.v_stride);
}

Status attention_decode(const AttentionArgs& args, const AttentionEntry* entry, bool early) {
    return args.out.dtype == AFS_BF16 ? choose<bf16>(args, entry, early)
                                      : choose<f16>(args, entry, early);
}

}  // namespace afs::cuda
