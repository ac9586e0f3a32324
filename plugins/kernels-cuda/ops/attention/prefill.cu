// attention/1 for prompts, in fp16 or bf16 over a cache of the same dtype (sm_90a): a block has 128
// rows of queries of one kv head, a row for each token and query head that shares it, and goes
// through the context 128 positions at a time with an online softmax. One warpgroup fetches k and v
// from the paged cache into two stages each; two warpgroups multiply, 64 rows each. Probabilities
// are rounded to the cache's dtype for their product with v, or multiplied in parts where the
// caller wants them exact.
//
// Tiles of positions begin at the context's first, whatever the step: a row's bits depend on its
// own sequence alone. The blocks with the longest contexts start first. Bound by the tensor cores.
#include "device/launch.hpp"
#include "kernels/cache.cuh"
#include "kernels/overlap.cuh"
#include "kernels/reduce.cuh"
#include "kernels/ring.cuh"
#include "kernels/rows.cuh"
#include "kernels/wgmma.cuh"
#include "ops/attention/attention.hpp"
#include "ops/attention/parts.cuh"

namespace afs::cuda {
namespace {

constexpr int kGroupThreads = 128, kGroups = 2, kThreads = (kGroups + 1) * kGroupThreads;
constexpr int kGroupRows = 64, kRows = kGroups * kGroupRows;
constexpr int kTile = 128;      // positions of a stage
constexpr int kStages = 2;      // of k, and of v
constexpr int kRowBytes = 128;  // of a panel: 64 columns

template <class T>
struct PrefillParams {
    Rows<const T> q;
    Rows<T> out;
    const T *k, *v;
    CacheStride k_stride, v_stride;
    const int32_t *cu_seqlens, *context_lens, *block_table;
    int32_t n_seqs, max_blocks, block_size, group, tile_tokens;
    int32_t most;  // positions of a context at most
    float scale;   // times log2(e)
};

template <int kHeadDim>
struct Shared {
    static constexpr int kTileBytes = kTile * kHeadDim * 2;
    alignas(1024) char q[kRows * kHeadDim * 2];  // [panels][rows][64], later the outputs
    alignas(1024) char k[kStages][kTileBytes];   // [panels][positions][64]
    alignas(1024) char v[kStages][kTileBytes];
    int64_t offset[2][kTile];  // of a tile's positions in the cache, of k and of v
    uint64_t full[2][kStages], empty[2][kStages];  // of k and of v
};

// Which tokens of which sequence a block has.
struct Work {
    int32_t seq, token, n_tokens;  // token: of the step
    int32_t position;              // of the first one
};

// Sequences' tiles in turn, each one's last first; n_tokens 0: nothing left for this block.
template <class T>
__device__ Work work_of(const PrefillParams<T>& p, int32_t tile) {
    for (int32_t s = 0; s < p.n_seqs; ++s) {
        const int32_t begin = p.cu_seqlens[s], n = p.cu_seqlens[s + 1] - begin;
        const int32_t tiles = (n + p.tile_tokens - 1) / p.tile_tokens;
        if (tile >= tiles) {
            tile -= tiles;
            continue;
        }
        const int32_t first = (tiles - 1 - tile) * p.tile_tokens;
        return {s, begin + first, min(p.tile_tokens, n - first), p.context_lens[s] - n + first};
    }
    return {0, 0, 0, 0};
}

__device__ void sync_group(int group) {
    asm volatile("bar.sync %0, %1;" ::"r"(1 + group), "n"(kGroupThreads) : "memory");
}
// Where a 16-byte chunk of a panel's row lies.
__device__ uint32_t in_panel(int row, int chunk) {
    return static_cast<uint32_t>(row * kRowBytes + ((chunk ^ (row % 8)) << 4));
}

// The third warpgroup: k and v of positions 0 .. n in tiles; what lies beyond n is zeros. A thread
// finds where one position of a tile lies, for all; and copies one chunk of every eighth or so.
template <class T, int kHeadDim>
__device__ void fetch(const PrefillParams<T>& p, const int32_t* blocks, int32_t kv_head, int32_t n,
                      Shared<kHeadDim>& s) {
    constexpr int kChunks = kHeadDim / 8, kRowStep = kGroupThreads / kChunks;
    static_assert(kTile == kGroupThreads);
    const int thread = static_cast<int>(threadIdx.x) % kGroupThreads;
    const int chunk = thread % kChunks, row = thread / kChunks;
    // A thread's rows are kRowStep apart, which the swizzle of 8 rows does not see.
    static_assert(kRowStep % 8 == 0);
    const uint32_t in_stage =
        static_cast<uint32_t>(chunk / 8 * kTile * kRowBytes) + in_panel(row, chunk % 8);
    const auto block_of = [&](int32_t position) {
        return position < n ? blocks[position / p.block_size] : 0;
    };
    const auto start = [&](char* stage, const T* cache, const int64_t(&offset)[kTile],
                           int32_t left) {
        const uint32_t to = shared_address(stage) + in_stage;
#pragma unroll
        for (int i = 0; i < kTile / kRowStep; ++i) {
            const int r = row + i * kRowStep;
            copy_async(to + static_cast<uint32_t>(i * kRowStep * kRowBytes),
                       cache + offset[r] + chunk * 8, r < left);
        }
        copy_async_commit();
    };
    uint32_t before = 0;
    const auto tell = [&](uint32_t barrier) {
        fence_async();
        barrier_arrive(barrier);
    };
    RingPlace place = {0, 1};
    int64_t block = block_of(thread);
    for (int32_t first = 0; first < n; first += kTile) {
        const int32_t position = first + thread;
        const int64_t slot = position % p.block_size;
        sync_group(kGroups);  // nobody reads the offsets of the tile before any more
        s.offset[0][thread] = position < n ? p.k_stride.at(block, kv_head, slot) : 0;
        s.offset[1][thread] = position < n ? p.v_stride.at(block, kv_head, slot) : 0;
        sync_group(kGroups);
        block = block_of(position + kTile);
#pragma unroll
        for (int side = 0; side < 2; ++side) {
            barrier_wait(shared_address(&s.empty[side][place.slot]), place.parity);
            start(side == 0 ? s.k[place.slot] : s.v[place.slot], side == 0 ? p.k : p.v,
                  s.offset[side], n - first);
            if (before) {
                copy_async_wait<1>();
                tell(before);
            }
            before = shared_address(&s.full[side][place.slot]);
        }
        place.next(kStages);
    }
    copy_async_wait<0>();
    tell(before);
}

// The state of a thread's two rows: largest score, sum of weights, weighted sum of v.
template <int kHeadDim>
struct Sums {
    float out[kHeadDim / 2];
    float m[2], l[2];

    // Scores into weights, in place. keep: what the sums so far are worth under the new maximum.
    __device__ void weigh(float (&scores)[kTile / 2], float scale, float (&keep)[2]) {
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            float top = m[h];
#pragma unroll
            for (int j = 0; j < kTile / 8; ++j)
                top = fmaxf(top, fmaxf(scores[4 * j + 2 * h], scores[4 * j + 2 * h + 1]));
            top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 1));
            top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 2));
            const float less = top * scale;
            keep[h] = exp2f((m[h] - top) * scale);
            float sum = 0;
#pragma unroll
            for (int j = 0; j < kTile / 8; ++j)
#pragma unroll
                for (int e = 0; e < 2; ++e) {
                    float& x = scores[4 * j + 2 * h + e];
                    x = exp2f(fmaf(x, scale, -less));
                    sum += x;
                }
            m[h] = top;
            l[h] = l[h] * keep[h] + sum;
        }
    }
    __device__ void rescale(const float (&keep)[2]) {
#pragma unroll
        for (int i = 0; i < kHeadDim / 2; ++i) out[i] *= keep[i / 2 % 2];
    }
};

// A warpgroup's 64 rows of queries into shared memory, zeros where there is no token.
template <class T, int kHeadDim>
__device__ void take_queries(const PrefillParams<T>& p, const Work& work, int32_t kv_head,
                             int group, Shared<kHeadDim>& s) {
    constexpr int kChunks = kHeadDim / 8;
    const int thread = static_cast<int>(threadIdx.x) % kGroupThreads;
    for (int i = thread; i < kGroupRows * kChunks; i += kGroupThreads) {
        const int row = group * kGroupRows + i / kChunks, chunk = i % kChunks;
        const int token = row / p.group, head = row % p.group;
        uint4 q = {};
        if (token < work.n_tokens)
            q = fresh_load16(p.q.row(work.token + token) + (kv_head * p.group + head) * kHeadDim +
                             chunk * 8);
        *reinterpret_cast<uint4*>(s.q + chunk / 8 * kRows * kRowBytes + in_panel(row, chunk % 8)) =
            q;
    }
    fence_async();
    sync_group(group);
}

// A row by one warp, position by position: a v that is infinite or NaN makes NaN of the weight 0 of
// a row that does not see it, where many rows are multiplied at once.
template <class T, int kHeadDim>
__device__ void make_again(const PrefillParams<T>& p, const int32_t* blocks, int32_t kv_head,
                           int32_t n, const T* q, T* out) {
    constexpr int kPer = kHeadDim / 32;
    const int first = static_cast<int>(threadIdx.x) % 32 * kPer;
    const auto worth = [](float from, float to) {
        return from == -INFINITY ? 0.0f : exp2f(from - to);
    };
    float sum[kPer] = {}, m = -INFINITY, l = 0;
    for (int32_t position = 0; position < n; ++position) {
        const int64_t block = blocks[position / p.block_size], slot = position % p.block_size;
        const T* k = p.k + p.k_stride.at(block, kv_head, slot) + first;
        const T* v = p.v + p.v_stride.at(block, kv_head, slot) + first;
        float dot = 0;
#pragma unroll
        for (int i = 0; i < kPer; ++i) dot += widen(q[first + i]) * widen(k[i]);
        const float score = warp_sum(dot) * p.scale, top = fmaxf(m, score);
        const float keep = worth(m, top), weight = worth(score, top);
        l = l * keep + weight;
#pragma unroll
        for (int i = 0; i < kPer; ++i) sum[i] = sum[i] * keep + weight * widen(v[i]);
        m = top;
    }
#pragma unroll
    for (int i = 0; i < kPer; ++i) out[first + i] = narrow<T>(sum[i] / l);
}

template <class T, int kHeadDim>
__device__ void store_rows(const PrefillParams<T>& p, const Work& work, int32_t kv_head, int group,
                           const Sums<kHeadDim>& sums, Shared<kHeadDim>& s) {
    constexpr int kChunks = kHeadDim / 8;
    const int thread = static_cast<int>(threadIdx.x) % kGroupThreads;
    const int warp = thread / 32, lane = thread % 32;
    sync_group(group);  // nobody reads the queries any more
    bool finite[2];
#pragma unroll
    for (int h = 0; h < 2; ++h) {
        const int row = group * kGroupRows + warp * 16 + lane / 4 + 8 * h;
        float l = sums.l[h];
        l += __shfl_xor_sync(0xffffffffu, l, 1);
        l += __shfl_xor_sync(0xffffffffu, l, 2);
        const float inverse = 1.0f / l;
        float zero = 0;  // NaN once something is not finite
#pragma unroll
        for (int j = 0; j < kHeadDim / 8; ++j) {
            const float a = sums.out[4 * j + 2 * h] * inverse;
            const float b = sums.out[4 * j + 2 * h + 1] * inverse;
            zero = fmaf(a, 0.0f, fmaf(b, 0.0f, zero));
            *reinterpret_cast<uint32_t*>(s.q + j / 8 * kRows * kRowBytes + in_panel(row, j % 8) +
                                         lane % 4 * 4) = pack<T>(a, b);
        }
        finite[h] = zero == 0;
    }
    __syncwarp();
    for (int i = lane; i < 16 * kChunks; i += 32) {
        const int row = group * kGroupRows + warp * 16 + i / kChunks, chunk = i % kChunks;
        const int token = row / p.group, head = row % p.group;
        if (token >= work.n_tokens) continue;
        *reinterpret_cast<uint4*>(p.out.row(work.token + token) +
                                  (kv_head * p.group + head) * kHeadDim + chunk * 8) =
            *reinterpret_cast<const uint4*>(s.q + chunk / 8 * kRows * kRowBytes +
                                            in_panel(row, chunk % 8));
    }
    __syncwarp();
    for (int h = 0; h < 2; ++h) {
        const uint32_t lanes = __ballot_sync(~0u, !finite[h]);  // four to a row
        for (int r = 0; lanes && r < 8; ++r) {
            const int row = group * kGroupRows + warp * 16 + 8 * h + r;
            const int token = row / p.group, head = kv_head * p.group + row % p.group;
            if (!(lanes >> 4 * r & 0xf) || token >= work.n_tokens) continue;
            make_again<T, kHeadDim>(p, p.block_table + int64_t{work.seq} * p.max_blocks, kv_head,
                                    min(work.position + token + 1, p.most),
                                    p.q.row(work.token + token) + head * kHeadDim,
                                    p.out.row(work.token + token) + head * kHeadDim);
        }
    }
}

template <class T, int kHeadDim, bool kExact>
__device__ void attend(const PrefillParams<T>& p, const Work& work, int32_t kv_head, int group,
                       int32_t n, Shared<kHeadDim>& s) {
    constexpr int kPanels = kHeadDim / 64, kTilePanel = kTile * kRowBytes;
    take_queries<T, kHeadDim>(p, work, kv_head, group, s);
    const int thread = static_cast<int>(threadIdx.x) % kGroupThreads, lane = thread % 32;
    const int row = group * kGroupRows + thread / 32 * 16 + lane / 4;
    // Positions that a row may see; rows without a token see what the last one sees.
    int32_t visible[2];
#pragma unroll
    for (int h = 0; h < 2; ++h)
        visible[h] = min(work.position + min((row + 8 * h) / p.group, work.n_tokens - 1) + 1, n);
    const int32_t all_see = min(work.position + 1, n);
    const uint32_t q_at = shared_address(s.q) + group * kGroupRows * kRowBytes;
    const auto release = [&](int side, int slot) {
        if (lane == 0) barrier_arrive(shared_address(&s.empty[side][slot]));
    };
    Sums<kHeadDim> sums;
#pragma unroll
    for (float& x : sums.out) x = 0;
    sums.m[0] = sums.m[1] = -INFINITY;
    sums.l[0] = sums.l[1] = 0;
    const auto score = [&](int slot, float(&scores)[kTile / 2]) {
        const uint32_t k_at = shared_address(s.k[slot]);
        products_fence();
#pragma unroll
        for (int panel = 0; panel < kPanels; ++panel)
#pragma unroll
            for (int step = 0; step < 4; ++step)
                multiply_wide<T, kTile>(
                    scores, matrix_at(q_at + panel * kRows * kRowBytes) + step * kNextColumns,
                    matrix_at(k_at + panel * kTilePanel) + step * kNextColumns, panel + step > 0);
        products_commit();
    };
    const auto hide = [&](int32_t first, float(&scores)[kTile / 2]) {
        if (first + kTile <= all_see) return;
#pragma unroll
        for (int i = 0; i < kTile / 2; ++i) {
            const int32_t position = first + i / 4 * 8 + lane % 4 * 2 + i % 2;
            if (position >= visible[i / 2 % 2]) scores[i] = -INFINITY;
        }
    };
    RingPlace place;
    float scores[kTile / 2], keep[2];
    uint32_t weights[kTile / 16][4];
    const auto take_values = [&](int slot) {
        barrier_wait(shared_address(&s.full[1][slot]), place.parity);
        const uint32_t v_at = shared_address(s.v[slot]);
        products_fence();
#pragma unroll
        for (int step = 0; step < kTile / 16; ++step)
            multiply_down<T, kHeadDim>(sums.out, weights[step],
                                       panels_at(v_at, kTilePanel) + step * kNextRows);
        products_commit();
    };
    const auto round = [&] {
#pragma unroll
        for (int i = 0; i < kTile / 4; ++i)
            weights[i / 4][i % 4] = pack<T>(scores[2 * i], scores[2 * i + 1]);
    };
    if constexpr (kExact) {
        for (int32_t first = 0; first < n; first += kTile, place.next(kStages)) {
            barrier_wait(shared_address(&s.full[0][place.slot]), place.parity);
            score(place.slot, scores);
            products_wait<0>();
            release(0, place.slot);
            hide(first, scores);
            sums.weigh(scores, p.scale, keep);
            sums.rescale(keep);
#pragma unroll
            for (int part = 0; part < kParts<T>; ++part) {
                round();
#pragma unroll
                for (int i = 0; i < kTile / 2; ++i) scores[i] -= rounded<T>(scores[i]);
                take_values(place.slot);
                products_wait<0>();
            }
            release(1, place.slot);
        }
    } else {
        // The scores of the next tile are multiplied while the last one's weights and v are: the
        // tensor cores work on both while exponentials are taken.
        RingPlace next;
        barrier_wait(shared_address(&s.full[0][place.slot]), place.parity);
        score(place.slot, scores);
        products_wait<0>();
        release(0, place.slot);
        hide(0, scores);
        sums.weigh(scores, p.scale, keep);
        for (int32_t first = kTile; first < n; first += kTile) {
            round();
            next.next(kStages);
            barrier_wait(shared_address(&s.full[0][next.slot]), next.parity);
            score(next.slot, scores);
            take_values(place.slot);
            products_wait<1>();
            release(0, next.slot);
            hide(first, scores);
            sums.weigh(scores, p.scale, keep);
            products_wait<0>();
            release(1, place.slot);
            sums.rescale(keep);
            place = next;
        }
        round();
        take_values(place.slot);
        products_wait<0>();
    }
    store_rows<T, kHeadDim>(p, work, kv_head, group, sums, s);
}

template <class T, int kHeadDim, bool kExact>
__global__ void __launch_bounds__(kThreads, 1)
    attention_prefill_kernel(const __grid_constant__ PrefillParams<T> p) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    extern __shared__ __align__(1024) char shared[];
    auto& s = *reinterpret_cast<Shared<kHeadDim>*>(shared);
    if (threadIdx.x == 0) {
        let_next_start();
        for (int side = 0; side < 2; ++side)
            for (int stage = 0; stage < kStages; ++stage) {
                barrier_init(shared_address(&s.full[side][stage]), kGroupThreads);
                barrier_init(shared_address(&s.empty[side][stage]), kGroups * kGroupThreads / 32);
            }
        barrier_fence();
    }
    __syncthreads();
    wait_for_previous();
    const auto kv_head = static_cast<int32_t>(blockIdx.x);
    const Work work = work_of(p, static_cast<int32_t>(blockIdx.y));
    if (work.n_tokens <= 0) return;
    const int32_t n = min(work.position + work.n_tokens, p.most);
    const int group = static_cast<int>(threadIdx.x) / kGroupThreads;
    if (group == kGroups) {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
        fetch<T, kHeadDim>(p, p.block_table + int64_t{work.seq} * p.max_blocks, kv_head, n, s);
    } else {
        asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
        attend<T, kHeadDim, kExact>(p, work, kv_head, group, n, s);
    }
#endif
}

template <class T, int kHeadDim, bool kExact>
Status launch_prefill(const AttentionArgs& a) {
    const auto group = static_cast<int32_t>(a.params.n_heads / a.params.n_kv_heads);
    const int32_t tile_tokens = kRows / group;
    const PrefillParams<T> p = {
        rows_of<const T>(a.q),
        rows_of<T>(a.out),
        static_cast<const T*>(a.k),
        static_cast<const T*>(a.v),
        CacheStride(a.layout.k_stride),
        CacheStride(a.layout.v_stride),
        a.step.cu_seqlens,
        a.step.context_lens,
        a.step.block_table,
        static_cast<int32_t>(a.step.n_seqs),
        static_cast<int32_t>(a.step.max_blocks),
        static_cast<int32_t>(a.layout.block_size),
        group,
        tile_tokens,
        static_cast<int32_t>(std::min<uint64_t>(a.step.max_context,
                                                uint64_t{a.step.max_blocks} * a.layout.block_size)),
        a.params.scale * 1.44269504f};
    const auto kernel = attention_prefill_kernel<T, kHeadDim, kExact>;
    constexpr int kBytes = sizeof(Shared<kHeadDim>);
    AFS_TRY(prefer_shared(kernel, kBytes));
    // Each sequence may leave one tile half empty.
    const uint32_t tiles = (a.step.n_tokens + static_cast<uint32_t>(tile_tokens) - 1) /
                               static_cast<uint32_t>(tile_tokens) +
                           a.step.n_seqs;
    return launch({dim3(a.params.n_kv_heads, tiles), kThreads, kBytes, a.stream}, kernel, p);
}

template <class T, int kHeadDim>
Status choose(const AttentionArgs& a, bool exact) {
    return exact ? launch_prefill<T, kHeadDim, true>(a) : launch_prefill<T, kHeadDim, false>(a);
}
template <class T>
Status choose(const AttentionArgs& a, bool exact) {
    return a.params.head_dim == 64 ? choose<T, 64>(a, exact) : choose<T, 128>(a, exact);
}

}  // namespace

bool attention_prefill_fits(const AttentionArgs& a) {
    return has_wgmma() && attention_is_wide(a) && a.params.n_heads / a.params.n_kv_heads <= kRows &&
           a.step.n_tokens / (kRows / (a.params.n_heads / a.params.n_kv_heads)) + a.step.n_seqs <
               65535;
}

Status attention_prefill(const AttentionArgs& args, bool exact) {
    return args.out.dtype == AFS_BF16 ? choose<bf16>(args, exact) : choose<f16>(args, exact);
}

}  // namespace afs::cuda
