// attention/1 where every sequence has one token, in fp16 or bf16 over a cache of the same dtype.
//
// A cluster of blocks serves one kv head of one sequence and all query heads that share it (up to
// 8): each block takes its share of the context, its warps 16 positions at a time, on tensor cores
// with the heads on the n side: scores = K q, sums = V^T p. A lane loads 16 bytes of a position
// straight into the registers that the products want; V's are transposed there (movmatrix).
// Probabilities go into
// their product as the sum of several numbers of the cache's dtype, so that nothing is lost.
//
// Bound by the bytes of the cache; at short contexts by latency. So what does not depend on the
// kernel before (the cache but for its newest position, RoPE's table) is fetched before waiting for
// it, and the block rehearses: it runs through the code once on whatever lies there, because the
// weights of a layer have driven the code out of every cache since its last launch.
#include "device/launch.hpp"
#include "kernels/cache.cuh"
#include "kernels/cluster.cuh"
#include "kernels/mma.cuh"
#include "kernels/overlap.cuh"
#include "kernels/rope.cuh"
#include "kernels/rows.cuh"
#include "ops/attention/attention.hpp"
#include "ops/attention/enter.cuh"
#include "ops/attention/parts.cuh"

namespace afs::cuda {
namespace {

constexpr int kWarps = 4, kThreads = 32 * kWarps;
constexpr int kHeads = kAttentionDecodeGroup;  // the n side of a product
constexpr int kTile = 16;                      // positions of a warp at a time

template <class T>
struct DecodeParams {
    Rows<const T> q, k, v;  // k, v: of the entry
    Rows<T> out;
    T *k_cache, *v_cache;
    CacheStride k_stride, v_stride;
    const int32_t *cu_seqlens, *context_lens, *block_table, *positions, *slots;
    uint32_t n_seqs, max_blocks, max_context, block_size, n_heads, n_kv_heads, group;
    float scale;
    bool entry;     // q, k and v are raw products: norm, turn, append
    bool rehearse;  // there is time before the kernel before is over
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

template <class T, int kHeadDim>
struct Shared {
    static constexpr int kPitch = kHeadDim + 2;
    alignas(16) T q[kHeads][kHeadDim];  // zeros for heads that there are not
    alignas(16) T newest_k[kHeadDim];
    alignas(16) T newest_v[kHeadDim];
    float2 table[kHeadDim / 2];
    Partial part[kWarps][kHeads], whole[kHeads];
    float sum[kWarps][kHeads][kPitch];  // of each warp; then row 0 of the whole block
};

// The query heads of this block in shared memory.
template <class T, int kHeadDim>
__device__ void take_queries(const DecodeParams<T>& p, uint32_t token, uint32_t kv_head,
                             Shared<T, kHeadDim>& s) {
    constexpr uint32_t kHalf = kHeadDim / 2, kPieces = kHalf / 8;
    const T* row = p.q.row(token);
    const float r =
        p.entry && p.q_norm ? inverse_rms<kThreads>(row, p.n_heads * kHeadDim, p.q_eps) : 0.0f;
    for (uint32_t i = threadIdx.x; i < kHeads * kPieces; i += kThreads) {
        const uint32_t h = i / kPieces, j = i % kPieces * 8;
        uint4 low = {}, high = {};
        if (h < p.group) {
            const uint32_t at = (kv_head * p.group + h) * kHeadDim + j;
            if (p.entry) {
                enter(row, at, kHalf, p.q_norm, r, p.q_before_cast, s.table + j,
                      p.table_in_act_dtype, low, high);
            } else {
                low = fresh_load16(row + at);
                high = fresh_load16(row + at + kHalf);
            }
        }
        *reinterpret_cast<uint4*>(&s.q[h][j]) = low;
        *reinterpret_cast<uint4*>(&s.q[h][j + kHalf]) = high;
    }
}

// The newest position's k and v in shared memory, and with `store` in the cache.
template <class T, int kHeadDim>
__device__ void take_newest(const DecodeParams<T>& p, uint32_t token, uint32_t kv_head, bool store,
                            Shared<T, kHeadDim>& s) {
    constexpr uint32_t kHalf = kHeadDim / 2, kPieces = kHalf / 8;
    const T* row = p.k.row(token);
    const float r = p.k_norm ? inverse_rms<kThreads>(row, p.n_kv_heads * kHeadDim, p.k_eps) : 0.0f;
    const auto size = static_cast<int32_t>(p.block_size);
    const int64_t block = p.slots[token] / size, slot = p.slots[token] % size;
    const auto put = [store](T* shared, T* cache, uint32_t j, const uint4& x) {
        *reinterpret_cast<uint4*>(shared + j) = x;
        if (store) *reinterpret_cast<uint4*>(cache + j) = x;
    };
    if (threadIdx.x < kPieces) {
        const uint32_t j = threadIdx.x * 8;
        T* const cache = p.k_cache + p.k_stride.at(block, kv_head, slot);
        uint4 low, high;
        enter(row, kv_head * kHeadDim + j, kHalf, p.k_norm, r, p.k_before_cast, s.table + j,
              p.table_in_act_dtype, low, high);
        put(s.newest_k, cache, j, low);
        put(s.newest_k, cache, j + kHalf, high);
    } else if (threadIdx.x >= 32 && threadIdx.x < 32 + kHeadDim / 8) {
        const uint32_t j = (threadIdx.x - 32) * 8;
        put(s.newest_v, p.v_cache + p.v_stride.at(block, kv_head, slot), j,
            fresh_load16(p.v.row(token) + kv_head * kHeadDim + j));
    }
}

__device__ uint32_t transposed(uint32_t x) {
    uint32_t y;
    asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(y) : "r"(x));
    return y;
}

// One side of a warp's 16 positions: a lane has 8 neighbouring dimensions of each 32, of positions
// lane / 4 and 8 more. As the products see it, that permutes the dimensions, alike in q.
template <int kHeadDim>
struct Side {
    uint4 low[kHeadDim / 32], high[kHeadDim / 32];
};

// What a warp has summed up. A lane's heads are 2 * (lane % 4) and the next; the dimensions of
// sums[2 * c + i] are dim_of(c, i) and 2 more.
template <class T, int kHeadDim>
struct Sums {
    static constexpr int kChunks = kHeadDim / 32;
    Partial part[2];
    float sums[2 * kChunks][4];

    __device__ static int dim_of(int chunk, int i) {
        const int row = static_cast<int>(threadIdx.x) % 32 / 4;
        return chunk * 32 + row / 2 * 8 + row % 2 + i * 4;
    }
    __device__ void clear() {
        part[0] = part[1] = {-INFINITY, 0};
#pragma unroll
        for (auto& each : sums)
#pragma unroll
            for (float& x : each) x = 0;
    }

    // scores[0..1]: of position lane / 4, [2..3]: 8 more; times scale * log2(e), -inf where the
    // position does not count. Makes them probabilities under the new maximum.
    __device__ void weigh(float (&scores)[4]) {
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            float m = fmaxf(scores[h], scores[h + 2]);
#pragma unroll
            for (int step = 4; step < 32; step *= 2)
                m = fmaxf(m, __shfl_xor_sync(0xffffffffu, m, step));
            m = fmaxf(m, part[h].m);
            const float keep = worth(part[h].m, m);
            scores[h] = worth(scores[h], m);
            scores[h + 2] = worth(scores[h + 2], m);
            part[h] = {m, part[h].l * keep + scores[h] + scores[h + 2]};
#pragma unroll
            for (auto& each : sums) each[h] *= keep, each[h + 2] *= keep;
        }
    }

    __device__ void add(float (&weights)[4], const Side<kHeadDim>& v) {
#pragma unroll
        for (int i = 0; i < kParts<T>; ++i) {
            const uint32_t b0 = transposed(pack<T>(weights[0], weights[1]));
            const uint32_t b1 = transposed(pack<T>(weights[2], weights[3]));
#pragma unroll
            for (float& weight : weights) weight -= rounded<T>(weight);  // what is left of it
#pragma unroll
            for (int c = 0; c < kChunks; ++c) {
                const uint32_t left[4] = {transposed(v.low[c].x), transposed(v.low[c].y),
                                          transposed(v.high[c].x), transposed(v.high[c].y)};
                const uint32_t right[4] = {transposed(v.low[c].z), transposed(v.low[c].w),
                                           transposed(v.high[c].z), transposed(v.high[c].w)};
                mma(T{}, sums[2 * c], left, b0, b1);
                mma(T{}, sums[2 * c + 1], right, b0, b1);
            }
        }
    }

    // Into shared memory; a head's l is still spread over the lanes of its positions.
    __device__ void put(Shared<T, kHeadDim>& s) {
        const int warp = static_cast<int>(threadIdx.x) / 32,
                  lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            float l = part[h].l;
#pragma unroll
            for (int step = 4; step < 32; step *= 2) l += __shfl_xor_sync(0xffffffffu, l, step);
            const int head = lane % 4 * 2 + h;
            if (lane < 4) s.part[warp][head] = {part[h].m, l};
#pragma unroll
            for (int i = 0; i < 2 * kChunks; ++i) {
                const int dim = dim_of(i / 2, i % 2);
                s.sum[warp][head][dim] = sums[i][h];
                s.sum[warp][head][dim + 2] = sums[i][h + 2];
            }
        }
    }
};

// q: a lane's part of its head, in shared memory.
template <class T, int kHeadDim>
__device__ void score(const Side<kHeadDim>& k, const T* q_part, float (&scores)[4]) {
    float other[4] = {};
#pragma unroll
    for (int c = 0; c < kHeadDim / 32; ++c) {
        const uint4 q = *reinterpret_cast<const uint4*>(q_part + c * 32);
        const uint32_t left[4] = {k.low[c].x, k.high[c].x, k.low[c].y, k.high[c].y};
        const uint32_t right[4] = {k.low[c].z, k.high[c].z, k.low[c].w, k.high[c].w};
        mma(T{}, scores, left, q.x, q.y);
        mma(T{}, other, right, q.z, q.w);
    }
#pragma unroll
    for (int e = 0; e < 4; ++e) scores[e] += other[e];
}

// With 160 registers an SM has room for a block beside two of products (stream/stream.cu): the one
// that it waits for and the one that waits for it.
template <class T, int kHeadDim, int kCluster>
__global__ void __maxnreg__(160)
    attention_decode_kernel(const __grid_constant__ DecodeParams<T> p) {
#if __CUDA_ARCH__ >= 900
    __shared__ Shared<T, kHeadDim> s;
    constexpr int kChunks = kHeadDim / 32;
    let_next_start();
    const uint32_t rank = cluster_rank(), kv_head = blockIdx.y, seq = blockIdx.z;
    const auto token = static_cast<uint32_t>(p.cu_seqlens[seq]);
    const bool empty = static_cast<int32_t>(token) >= p.cu_seqlens[seq + 1];
    const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32, dim = lane % 4 * 8;

    // This block's positions; with an entry the newest is apart, the last block's.
    const uint32_t context = empty ? 0
                                   : min(static_cast<uint32_t>(max(p.context_lens[seq], 0)),
                                         min(p.max_context, p.max_blocks * p.block_size));
    const uint32_t stored = p.entry && context > 0 ? context - 1 : context;
    const uint32_t share = (stored + kCluster - 1) / kCluster;
    const uint32_t begin = min(rank * share, stored), end = min(begin + share, stored);
    const int32_t* blocks = p.block_table + uint64_t{seq} * p.max_blocks;
    const auto fetch = [&](const T* cache, const CacheStride& stride, uint32_t first,
                           Side<kHeadDim>& to) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const uint32_t position = first + half * 8 + lane / 4;
            const bool inside = position < end;
            const uint32_t block = inside ? position / p.block_size : 0;
            const T* from = cache + stride.at(inside ? blocks[block] : 0, kv_head,
                                              inside ? position - block * p.block_size : 0);
#pragma unroll
            for (int c = 0; c < kChunks; ++c) {
                uint4& target = half ? to.high[c] : to.low[c];
                target =
                    inside ? __ldcg(reinterpret_cast<const uint4*>(from + c * 32 + dim)) : uint4{};
            }
        }
    };
    Side<kHeadDim> k, v;
    uint32_t first = begin + warp * kTile;
    fetch(p.k_cache, p.k_stride, first, k);
    fetch(p.v_cache, p.v_stride, first, v);
    if (p.entry && threadIdx.x < kHeadDim / 2)
        s.table[threadIdx.x] =
            rope_cos_sin<T>(empty ? 0 : p.positions[token], p.frequencies.inv_freq[threadIdx.x],
                            p.table_in_act_dtype);
    if (empty) return wait_for_previous();  // the whole cluster
    const bool has_newest = p.entry && rank == kCluster - 1;
    const float scale = p.scale * 1.44269504f;
    Sums<T, kHeadDim> own;
    // One turn of a warp: 16 positions, of which those below `stop` count.
    const auto turn = [&](const Side<kHeadDim>& keys, const Side<kHeadDim>& values, uint32_t start,
                          uint32_t stop) {
        float scores[4] = {};
        score<T, kHeadDim>(keys, &s.q[lane / 4][dim], scores);
#pragma unroll
        for (int e = 0; e < 4; ++e)
            scores[e] = start + lane / 4 + e / 2 * 8 < stop ? scores[e] * scale : -INFINITY;
        own.weigh(scores);
        own.add(scores, values);
    };

    for (bool rehearsal = p.rehearse;; rehearsal = false) {
        __syncthreads();
        if (!rehearsal) wait_for_previous();
        take_queries(p, token, kv_head, s);
        if (has_newest) take_newest(p, token, kv_head, !rehearsal, s);
        __syncthreads();
        own.clear();
        // The newest position is the first of a tile of its own, of the warp with the least to do.
        bool newest = has_newest && warp == kWarps - 1;
        for (uint32_t at = first; at < end || newest || rehearsal; at += kWarps * kTile) {
            const bool from_cache = at < end;
            if (!from_cache && !rehearsal) {
                newest = false;
#pragma unroll
                for (int c = 0; c < kChunks; ++c) {
                    const int d = c * 32 + static_cast<int>(dim);
                    k.low[c] = *reinterpret_cast<const uint4*>(s.newest_k + d);
                    v.low[c] = lane < 4 ? *reinterpret_cast<const uint4*>(s.newest_v + d) : uint4{};
                    k.high[c] = v.high[c] = uint4{};
                }
            }
            turn(k, v, at, from_cache ? end : at + 1);
            if (rehearsal) break;
            if (at + kWarps * kTile >= end) continue;
            fetch(p.k_cache, p.k_stride, at + kWarps * kTile, k);
            fetch(p.v_cache, p.v_stride, at + kWarps * kTile, v);
        }
        own.put(s);
        __syncthreads();

        // The block's warps into row 0, each element by one thread; idle warps add nothing.
        for (uint32_t i = threadIdx.x; i < p.group * kHeadDim; i += kThreads) {
            const uint32_t h = i / kHeadDim, d = i % kHeadDim;
            Partial whole = {-INFINITY, 0};
#pragma unroll
            for (int w = 0; w < kWarps; ++w) whole.m = fmaxf(whole.m, s.part[w][h].m);
            float sum = 0;
#pragma unroll
            for (int w = 0; w < kWarps; ++w) {
                const float weight = worth(s.part[w][h].m, whole.m);
                whole.l += s.part[w][h].l * weight;
                sum += s.sum[w][h][d] * weight;
            }
            s.sum[0][h][d] = sum;
            if (d == 0) s.whole[h] = whole;
        }
        cluster_sync();
        // The cluster's blocks: each finishes its share of the elements.
        for (uint32_t i = threadIdx.x * kCluster + rank; i < p.group * kHeadDim;
             i += kCluster * kThreads) {
            const uint32_t h = i / kHeadDim, d = i % kHeadDim;
            float m[kCluster], l[kCluster], part[kCluster], top = -INFINITY;
#pragma unroll
            for (int r = 0; r < kCluster; ++r) {
                m[r] = cluster_load(&s.whole[h].m, r);
                l[r] = cluster_load(&s.whole[h].l, r);
                part[r] = cluster_load(&s.sum[0][h][d], r);
            }
#pragma unroll
            for (int r = 0; r < kCluster; ++r) top = fmaxf(top, m[r]);
            float total = 0, sum = 0;
#pragma unroll
            for (int r = 0; r < kCluster; ++r) {
                const float weight = worth(m[r], top);
                total += l[r] * weight;
                sum += part[r] * weight;
            }
            if (!rehearsal)
                p.out.row(token)[(kv_head * p.group + h) * kHeadDim + d] = narrow<T>(sum / total);
        }
        cluster_sync();  // shared memory stays until every block has read it
        if (!rehearsal) return;
    }
#endif
}

template <class T>
DecodeParams<T> params_of(const AttentionArgs& a, const AttentionEntry* e, bool early) {
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
                         early && e != nullptr && e->rehearse && a.step.n_seqs == 1,
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

template <class T, int kHeadDim, int kCluster>
Status launch_decode(const AttentionArgs& a, const AttentionEntry* entry, bool early) {
    const auto kernel = attention_decode_kernel<T, kHeadDim, kCluster>;
    AFS_TRY(prefer_shared(kernel, 0));
    Launch how = {dim3(kCluster, a.params.n_kv_heads, a.step.n_seqs), kThreads, 0, a.stream};
    how.overlaps = early;
    how.cluster = kCluster;
    return launch(how, kernel, params_of<T>(a, entry, early));
}

// The blocks that a cluster has beyond one pay while the device has room for them; and one block's
// warps take 64 positions at a time.
int cluster_of(const AttentionArgs& a) {
    const uint64_t pairs = uint64_t{a.step.n_seqs} * a.params.n_kv_heads;
    if (pairs <= 16) return 8;
    if (pairs <= 72) return a.step.max_context <= 256 ? 4 : 8;
    return pairs <= 144 ? 4 : pairs <= 288 ? 2 : 1;
}

template <class T, int kHeadDim>
Status choose_cluster(const AttentionArgs& a, const AttentionEntry* entry, bool early) {
    switch (a.step.n_seqs == 1 ? (a.params.n_kv_heads > 16 ? 4 : 8) : cluster_of(a)) {
        case 8: return launch_decode<T, kHeadDim, 8>(a, entry, early);
        case 4: return launch_decode<T, kHeadDim, 4>(a, entry, early);
        case 2: return launch_decode<T, kHeadDim, 2>(a, entry, early);
        default: return launch_decode<T, kHeadDim, 1>(a, entry, early);
    }
}
template <class T>
Status choose(const AttentionArgs& a, const AttentionEntry* entry, bool early) {
    return a.params.head_dim == 64 ? choose_cluster<T, 64>(a, entry, early)
                                   : choose_cluster<T, 128>(a, entry, early);
}

}  // namespace

bool attention_decode_fits(const AttentionArgs& a) {
    return has_hopper() && attention_is_wide(a) &&
           a.params.n_heads / a.params.n_kv_heads <= kHeads && a.step.n_seqs <= 65535 &&
           a.params.n_kv_heads <= 65535;
}

Status attention_decode(const AttentionArgs& args, const AttentionEntry* entry, bool early) {
    return args.out.dtype == AFS_BF16 ? choose<bf16>(args, entry, early)
                                      : choose<f16>(args, entry, early);
}

}  // namespace afs::cuda
