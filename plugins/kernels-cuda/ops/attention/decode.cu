// attention/1 where every sequence has one token, in fp16 or bf16 over a cache of the same dtype.
//
// A cluster of blocks serves one kv head of one sequence and all query heads that share it (up to
// 8): each block takes its share of the context, its warps 16 positions at a time
// (decode_warp.cuh).
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
#include "ops/attention/decode_warp.cuh"
#include "ops/attention/enter.cuh"

namespace afs::cuda {
namespace {

constexpr int kWarps = 4, kThreads = 32 * kWarps;
constexpr uint32_t kLongContext = 1024, kShortContext = 256;
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
    uint32_t block_shift;  // of a block_size that is a power of two; else 32
    float* sums;           // of blocks that are no cluster, and how many of them are there
    uint32_t* arrived;
    float scale;
    bool entry;     // q, k and v are raw products: norm, turn, append
    bool rehearse;  // there is time before the kernel before is over
    const T *q_norm, *k_norm;
    float q_eps, k_eps;
    bool q_before_cast, k_before_cast, table_in_act_dtype;
    RopeFrequencies frequencies;

    __device__ uint32_t block_of(uint32_t position) const {
        return block_shift < 32 ? position >> block_shift : position / block_size;
    }
    __device__ uint32_t slot_of(uint32_t position) const {
        return block_shift < 32 ? position & (block_size - 1) : position % block_size;
    }
};

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

// Sums of squares of up to two rows at once, in every thread: 1 / RMS of each. A row that is NULL
// costs nothing.
template <class T>
__device__ float2 inverse_rms_of_two(const T* a, uint32_t n_a, float eps_a, const T* b,
                                     uint32_t n_b, float eps_b) {
    __shared__ float2 of_warp[kWarps];
    float2 sum = {squares_of<kThreads>(a, a ? n_a : 0), squares_of<kThreads>(b, b ? n_b : 0)};
    sum = {warp_sum(sum.x), warp_sum(sum.y)};
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = sum;
    __syncthreads();
    sum = of_warp[0];
#pragma unroll
    for (int w = 1; w < kWarps; ++w) sum.x += of_warp[w].x, sum.y += of_warp[w].y;
    return {1.0f / sqrtf(sum.x / static_cast<float>(n_a) + eps_a),
            1.0f / sqrtf(sum.y / static_cast<float>(n_b) + eps_b)};
}

// The query heads of this block in shared memory; with `newest` the newest position's k and v too,
// and with `store` those in the cache. Each thread has at most one piece, and asks for it before
// the norms' statistics are known: their rows and the pieces come in one round trip.
template <class T, int kHeadDim>
__device__ void take_rows(const DecodeParams<T>& p, uint32_t token, uint32_t kv_head, bool newest,
                          bool store, Shared<T, kHeadDim>& s) {
    constexpr uint32_t kHalf = kHeadDim / 2, kPieces = kHalf / 8;
    constexpr uint32_t kFirstK = kHeads * kPieces, kFirstV = 96;
    static_assert(kFirstK + kPieces <= kFirstV && kFirstV + kHeadDim / 8 <= kThreads);
    const uint32_t t = threadIdx.x, piece = t % kPieces * 8, head = t / kPieces;
    const bool is_q = t < kFirstK, is_k = newest && t >= kFirstK && t < kFirstK + kPieces;
    const bool is_v = newest && t >= kFirstV && t < kFirstV + kHeadDim / 8;
    Pairs<T> pairs = {};
    uint4 value = {};
    if (is_q && head < p.group)
        pairs.load(p.q.row(token), (kv_head * p.group + head) * kHeadDim + piece, kHalf, p.q_norm);
    if (is_k) pairs.load(p.k.row(token), kv_head * kHeadDim + piece, kHalf, p.k_norm);
    if (is_v) value = fresh_load16(p.v.row(token) + kv_head * kHeadDim + (t - kFirstV) * 8);
    float2 r = {};
    if (p.q_norm || (newest && p.k_norm))
        r = inverse_rms_of_two<T>(p.q_norm ? p.q.row(token) : nullptr, p.n_heads * kHeadDim,
                                  p.q_eps, newest && p.k_norm ? p.k.row(token) : nullptr,
                                  p.n_kv_heads * kHeadDim, p.k_eps);
    if (is_q) {
        if (p.entry && head < p.group)
            pairs.enter(p.q_norm != nullptr, r.x, p.q_before_cast, s.table + piece,
                        p.table_in_act_dtype);
        *reinterpret_cast<uint4*>(&s.q[head][piece]) = pairs.low.raw;
        *reinterpret_cast<uint4*>(&s.q[head][piece + kHalf]) = pairs.high.raw;
    }
    if (!newest) return;
    const auto size = static_cast<int32_t>(p.block_size);
    const int64_t block = p.slots[token] / size, slot = p.slots[token] % size;
    const auto put = [store](T* shared, T* cache, uint32_t j, const uint4& x) {
        *reinterpret_cast<uint4*>(shared + j) = x;
        if (store) *reinterpret_cast<uint4*>(cache + j) = x;
    };
    if (is_k) {
        T* const cache = p.k_cache + p.k_stride.at(block, kv_head, slot);
        pairs.enter(p.k_norm != nullptr, r.y, p.k_before_cast, s.table + piece,
                    p.table_in_act_dtype);
        put(s.newest_k, cache, piece, pairs.low.raw);
        put(s.newest_k, cache, piece + kHalf, pairs.high.raw);
    }
    if (is_v)
        put(s.newest_v, p.v_cache + p.v_stride.at(block, kv_head, slot), (t - kFirstV) * 8, value);
}

// Blocks that share a context without being a cluster: each leaves its sums, the last one to come
// adds them up in order.
template <class T, int kHeadDim>
__device__ void finish_parts(const DecodeParams<T>& p, uint32_t token, uint32_t pair,
                             const Shared<T, kHeadDim>& s) {
    __shared__ bool is_last;
    constexpr uint32_t kPitch = kHeadDim + 2;
    const uint32_t n_parts = gridDim.x, size = p.group * kPitch;
    float* const all = p.sums + uint64_t{pair} * n_parts * size;
    float* const own = all + blockIdx.x * size;
    __syncthreads();
    for (uint32_t i = threadIdx.x; i < size; i += kThreads) {
        const uint32_t h = i / kPitch, d = i % kPitch;
        __stcg(own + i, d < kHeadDim    ? s.sum[0][h][d]
                        : d == kHeadDim ? s.whole[h].m
                                        : s.whole[h].l);
    }
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        is_last = atomicAdd(p.arrived + pair, 1) == n_parts - 1;
        if (is_last) p.arrived[pair] = 0;
        __threadfence();
    }
    __syncthreads();
    if (!is_last) return;
    const uint32_t kv_head = pair % p.n_kv_heads;
    for (uint32_t i = threadIdx.x; i < p.group * kHeadDim; i += kThreads) {
        const uint32_t h = i / kHeadDim, d = i % kHeadDim;
        Partial whole = {-INFINITY, 0};
        float sum = 0;
#pragma unroll 8
        for (uint32_t part = 0; part < n_parts; ++part) {
            const float* from = all + part * size + h * kPitch;
            const float m = __ldcg(from + kHeadDim), l = __ldcg(from + kHeadDim + 1);
            const float top = fmaxf(whole.m, m), keep = worth(whole.m, top), more = worth(m, top);
            sum = sum * keep + __ldcg(from + d) * more;
            whole = {top, whole.l * keep + l * more};
        }
        p.out.row(token)[(kv_head * p.group + h) * kHeadDim + d] = narrow<T>(sum / whole.l);
    }
}

// With 168 registers an SM has room for a block beside two of products (stream/stream.cu): the one
// that it waits for and the one that waits for it.
template <class T, int kHeadDim, int kCluster>
__global__ void __maxnreg__(168)
    attention_decode_kernel(const __grid_constant__ DecodeParams<T> p) {
#if __CUDA_ARCH__ >= 900
    __shared__ Shared<T, kHeadDim> s;
    constexpr int kChunks = kHeadDim / 32;
    const uint32_t rank = cluster_rank(), kv_head = blockIdx.y, seq = blockIdx.z;
    const uint32_t part = blockIdx.x, n_parts = kCluster == 1 ? gridDim.x : kCluster;
    const auto token = static_cast<uint32_t>(p.cu_seqlens[seq]);
    const bool empty = static_cast<int32_t>(token) >= p.cu_seqlens[seq + 1];
    const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32, dim = lane % 4 * 8;

    // This block's positions; with an entry the newest is apart, the last block's.
    const uint32_t context = empty ? 0
                                   : min(static_cast<uint32_t>(max(p.context_lens[seq], 0)),
                                         min(p.max_context, p.max_blocks * p.block_size));
    const uint32_t stored = p.entry && context > 0 ? context - 1 : context;
    const uint32_t share = (stored + n_parts - 1) / n_parts;
    const uint32_t begin = min(part * share, stored), end = min(begin + share, stored);
    const int32_t* blocks = p.block_table + uint64_t{seq} * p.max_blocks;
    // Which of the cache's blocks a lane's two positions of a tile lie in; asked for a turn early.
    uint32_t held[2];
    const auto find = [&](uint32_t first) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const uint32_t position = first + half * 8 + lane / 4;
            held[half] = position < end ? blocks[p.block_of(position)] : 0;
        }
    };
    const auto fetch = [&](const T* cache, const CacheStride& stride, uint32_t first,
                           Side<kHeadDim>& to) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const uint32_t position = first + half * 8 + lane / 4;
            const bool inside = position < end;
            const T* from =
                cache + stride.at(held[half], kv_head, inside ? p.slot_of(position) : 0);
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
    find(first);
    fetch(p.k_cache, p.k_stride, first, k);
    fetch(p.v_cache, p.v_stride, first, v);
    if (p.entry && threadIdx.x < kHeadDim / 2)
        s.table[threadIdx.x] =
            rope_cos_sin<T>(empty ? 0 : p.positions[token], p.frequencies.inv_freq[threadIdx.x],
                            p.table_in_act_dtype);
    if (empty) return wait_for_previous();  // the whole cluster
    const bool has_newest = p.entry && part == n_parts - 1;
    const float scale = p.scale * 1.44269504f;
    Sums<T, kHeadDim> own;
    constexpr uint32_t kStride = kWarps * kTile;

    for (bool rehearsal = p.rehearse;; rehearsal = false) {
        __syncthreads();
        if (!rehearsal) wait_for_previous();
        take_rows(p, token, kv_head, has_newest, has_newest && !rehearsal, s);
        __syncthreads();
        own.clear();
        // A warp's turns: 16 positions each, and the next turn's on their way as soon as there are
        // registers for them. The newest position is the first of a tile of its own, of the warp
        // with the least to do.
        bool newest = has_newest && warp == kWarps - 1;
        if (!rehearsal) find(first + kStride);
        for (uint32_t at = first; at < end || newest || rehearsal; at += kStride) {
            const bool from_cache = at < end, more = at + kStride < end && !rehearsal;
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
            const uint32_t stop = from_cache ? end : at + 1;
            float scores[4] = {};
            score<T, kHeadDim>(k, &s.q[lane / 4][dim], scores);
            if (more) fetch(p.k_cache, p.k_stride, at + kStride, k);
#pragma unroll
            for (int e = 0; e < 4; ++e)
                scores[e] = at + lane / 4 + e / 2 * 8 < stop ? scores[e] * scale : -INFINITY;
            own.weigh(scores);
            Side<kHeadDim> values = v;
            values.transpose();
            if (more) {
                fetch(p.v_cache, p.v_stride, at + kStride, v);
                find(at + 2 * kStride);
            }
            own.add(scores, values);
            if (rehearsal) break;
        }
        let_next_start();  // not before: its blocks would be in the way of these
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
        if (kCluster == 1 && n_parts > 1) {
            if (rehearsal) continue;
            return finish_parts<T, kHeadDim>(p, token, seq * p.n_kv_heads + kv_head, s);
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
DecodeParams<T> params_of(const AttentionArgs& a, const AttentionEntry* e, bool rehearse) {
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
                         shift_of(a.layout.block_size),
                         a.split_sums,
                         a.split_arrived,
                         a.params.scale,
                         e != nullptr,
                         rehearse,
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
Status launch_decode(const AttentionArgs& a, const AttentionEntry* entry, bool early,
                     uint32_t parts = kCluster) {
    const auto kernel = attention_decode_kernel<T, kHeadDim, kCluster>;
    AFS_TRY(prefer_shared(kernel, 0));
    Launch how = {dim3(parts, a.params.n_kv_heads, a.step.n_seqs), kThreads, 0, a.stream};
    how.overlaps = early;
    how.cluster = kCluster;
    // Where every block finds a place while the kernel before still runs.
    const bool rehearse =
        early && entry && entry->rehearse &&
        uint64_t{parts} * a.params.n_kv_heads * a.step.n_seqs <= static_cast<uint64_t>(n_blocks());
    return launch(how, kernel, params_of<T>(a, entry, rehearse));
}

// The blocks that a cluster has beyond one pay while all find a place at once: beside the products'
// blocks for one sequence, where two on an SM would drive one of the next product to another SM; by
// themselves over long contexts.
int cluster_of(const AttentionArgs& a) {
    const uint64_t pairs = uint64_t{a.step.n_seqs} * a.params.n_kv_heads;
    const uint64_t limit = a.step.n_seqs == 1 ? 80 : a.step.max_context <= kLongContext ? 132 : 576;
    int cluster = a.step.max_context <= kShortContext ? 4 : 8;  // a turn of every warp's
    while (cluster > 1 && static_cast<uint64_t>(cluster) * pairs > limit) cluster /= 2;
    return cluster;
}

// Over long contexts: blocks that share one without being a cluster, which find a place each where
// clusters of more than two do not; 1: a cluster. Of one sequence, eight blocks of a cluster are
// faster where there are few kv heads, and more than three parts were slower.
uint32_t parts_of(const AttentionArgs& a) {
    if (!a.split_sums || a.step.max_context <= kLongContext) return 1;
    const uint32_t pairs = a.step.n_seqs * a.params.n_kv_heads;
    const uint32_t places = static_cast<uint32_t>(n_blocks()) / pairs;
    return a.step.n_seqs > 1 ? places : pairs > 16 ? std::min(places, 3u) : 1;
}

template <class T, int kHeadDim>
Status choose_cluster(const AttentionArgs& a, const AttentionEntry* entry, bool early) {
    if (const uint32_t parts = parts_of(a); parts > 1)
        return launch_decode<T, kHeadDim, 1>(a, entry, early, parts);
    switch (cluster_of(a)) {
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

uint64_t attention_split_bytes(const afs_attention_params& p) {
    return sizeof(float) * static_cast<uint64_t>(n_blocks()) * (p.n_heads / p.n_kv_heads) *
           (p.head_dim + 2);
}
uint64_t attention_split_state() {
    return sizeof(uint32_t) * static_cast<uint64_t>(n_blocks());
}

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
