// The eight warps of a block of heads.cu that attend: over the block's share of the cache as soon
// as the head's q is there, while the other warps still multiply v. The newest position joins at
// the end, with the rows of v that the block made itself.
#pragma once
#include "kernels/cache.cuh"
#include "kernels/reduce.cuh"
#include "kernels/ring.cuh"
#include "kernels/rope.cuh"
#include "kernels/words.cuh"
#include "ops/attention/enter.cuh"
#include "ops/attention/partial.cuh"
#include "stream/stream.hpp"

namespace afs::cuda {
namespace heads {

constexpr int kMaxBlocks = 8;  // of a head
constexpr int kAttendWarps = 8, kAttendThreads = 32 * kAttendWarps;
constexpr int kTurn = 8;  // positions of a warp at a time

// What blocks tell each other.
struct Told {
    uint64_t* rows[2];     // [n_heads * head_dim / 2]: two elements of q and of k
    uint64_t* squares[2];  // [blocks]: sums over a block's rows of q and of k
    uint64_t* parts;       // [n_heads][blocks of a head][head_dim + kPartial]
    uint32_t* count;       // [2]: blocks that have told all of q, and of k, since it was zeroed
};
constexpr int kPartial = 2;  // words of a part: head_dim sums, then its partial softmax

template <class T>
struct Norm {
    const T* weight;  // NULL: none
    float eps;
    bool before_cast;
};

template <class T>
struct Params {
    StreamProduct product;
    T* out;  // [n_heads * head_dim]
    T *k_cache, *v_cache;
    CacheStride k_stride, v_stride;
    const int32_t *cu_seqlens, *context_lens, *block_table, *positions, *slots;
    uint32_t n_heads, of_head;          // blocks of a head; the last of the launch may serve none
    uint32_t max_context, block_shift;  // of the cache's block size
    float scale;
    bool rehearse;
    Norm<T> norm[2];  // of q and k
    bool table_in_act_dtype;
    RopeFrequencies frequencies;
    Told told;

    __device__ uint32_t slot_of(uint32_t position) const {
        return position & ((1u << block_shift) - 1);
    }
};

// Which head a block serves, and which of the head's groups of 8 dimensions are its own.
template <int kHeadDim>
struct Serving {
    static constexpr int kGroups = kHeadDim / 8;
    uint32_t head, rank;
    int first, end;  // groups of v, of the head

    template <class T>
    __device__ Serving(const Params<T>& p, uint32_t block)
        : head(block / p.of_head), rank(block % p.of_head) {
        const bool serves = head < p.n_heads;
        first = serves ? static_cast<int>(kGroups * rank / p.of_head) : 0;
        end = serves ? static_cast<int>(kGroups * (rank + 1) / p.of_head) : 0;
    }
};

template <class T, int kHeadDim>
struct Shared {
    uint64_t values;  // barrier: newest_v is there
    Words words;
    alignas(16) T raw[kHeadDim];  // the head's row of q, then of k
    alignas(16) T q[kHeadDim], newest_k[kHeadDim], newest_v[kHeadDim];  // of v only this block's
    T norm[2][kHeadDim];                                                // weights
    float2 table[kHeadDim / 2];
    float squares[kAttendWarps];
    Partial of_warp[kAttendWarps];
    float sums[kAttendWarps][kHeadDim];
    // From each of the head's blocks: this block's dimensions and the partial softmax.
    float parts[kHeadDim + (8 + kPartial) * kMaxBlocks];
};

__device__ inline void sync_attending() {
    asm volatile("bar.sync 2, %0;" ::"n"(kAttendThreads) : "memory");
}

// A warp's positions of the cache: a lane has 8 neighbouring dimensions of one in each load.
template <class T, int kHeadDim>
struct Turn {
    static constexpr int kLanes = kHeadDim / 8, kAtOnce = 32 / kLanes, kLoads = kTurn / kAtOnce;
    uint4 k[kLoads], v[kLoads];

    __device__ static uint32_t lane() { return threadIdx.x % 32; }
    __device__ static uint32_t nth(int load) { return load * kAtOnce + lane() / kLanes; }
    // Positions `at` to `end`, zeros behind. Each lane looks for one of them.
    __device__ void fetch(const Params<T>& p, uint32_t head, uint32_t at, uint32_t end) {
        const uint32_t position = at + lane() % kTurn;
        const int32_t block = position < end ? p.block_table[position >> p.block_shift] : 0;
        fetch_side(p.k_cache + p.k_stride.at(block, head, p.slot_of(position)), at, end, k);
        fetch_side(p.v_cache + p.v_stride.at(block, head, p.slot_of(position)), at, end, v);
    }

private:
    __device__ static void fetch_side(const T* found, uint32_t at, uint32_t end,
                                      uint4 (&to)[kLoads]) {
#pragma unroll
        for (int i = 0; i < kLoads; ++i) {
            const auto address = __shfl_sync(
                0xffffffffu, reinterpret_cast<unsigned long long>(found), static_cast<int>(nth(i)));
            const auto* from = reinterpret_cast<const uint4*>(address) + lane() % kLanes;
            to[i] = at + nth(i) < end ? __ldcg(from) : uint4{};
        }
    }
};

// A partial softmax and its sums of v: each lane's own dimensions of its own positions.
template <class T, int kHeadDim>
struct Summed {
    using Of = Turn<T, kHeadDim>;
    Partial part = {-INFINITY, 0};
    float sums[8] = {};

    __device__ void scores(const Of& turn, const float (&q)[8], uint32_t at, uint32_t end,
                           float scale, float (&s)[Of::kLoads]) const {
#pragma unroll
        for (int i = 0; i < Of::kLoads; ++i) {
            float k[8];
            unpack<T>(turn.k[i], k);
            s[i] = 0;
#pragma unroll
            for (int e = 0; e < 8; ++e) s[i] += k[e] * q[e];
        }
#pragma unroll
        for (int step = Of::kLanes / 2; step > 0; step /= 2)
#pragma unroll
            for (int i = 0; i < Of::kLoads; ++i) s[i] += __shfl_xor_sync(0xffffffffu, s[i], step);
#pragma unroll
        for (int i = 0; i < Of::kLoads; ++i)
            s[i] = at + Of::nth(i) < end ? s[i] * scale : -INFINITY;
    }
    // s becomes probabilities under the new maximum.
    __device__ void weigh(float (&s)[Of::kLoads]) {
        float m = s[0];
#pragma unroll
        for (int i = 1; i < Of::kLoads; ++i) m = fmaxf(m, s[i]);
#pragma unroll
        for (int step = Of::kLanes; step < 32; step *= 2)
            m = fmaxf(m, __shfl_xor_sync(0xffffffffu, m, step));
        m = fmaxf(m, part.m);
        const float keep = worth(part.m, m);
        part = {m, part.l * keep};
#pragma unroll
        for (float& sum : sums) sum *= keep;
#pragma unroll
        for (float& each : s) part.l += each = worth(each, m);
    }
    __device__ void add(const Of& turn, const float (&weights)[Of::kLoads]) {
#pragma unroll
        for (int i = 0; i < Of::kLoads; ++i) {
            float v[8];
            unpack<T>(turn.v[i], v);
#pragma unroll
            for (int e = 0; e < 8; ++e) sums[e] += weights[i] * v[e];
        }
    }
    // Over the warp.
    __device__ void finish() {
#pragma unroll
        for (int step = Of::kLanes; step < 32; step *= 2) {
            part.l += __shfl_xor_sync(0xffffffffu, part.l, step);
#pragma unroll
            for (float& sum : sums) sum += __shfl_xor_sync(0xffffffffu, sum, step);
        }
    }
};

// The head's row of q (w = 0) or k, normed and turned, as soon as all blocks have told theirs.
template <class T, int kHeadDim>
__device__ void take_row(const Params<T>& p, int w, uint32_t head, bool rehearsal, T* to,
                         Shared<T, kHeadDim>& s) {
    constexpr uint32_t kHalf = kHeadDim / 2;  // pairs, and words
    const uint32_t at = threadIdx.x % kAttendThreads, n = gridDim.x;
    const Norm<T>& norm = p.norm[w];
    if (at == 0 && !rehearsal) s.words.wait_for(p.told.count + w, n);
    sync_attending();
    const bool wanted[] = {at < kHalf, norm.weight && at < n};
    const uint64_t* const from[] = {p.told.rows[w] + head * kHalf + at, p.told.squares[w] + at};
    uint32_t got[2];
    s.words.get_all(from, wanted, rehearsal, got);
    if (wanted[0]) reinterpret_cast<uint32_t*>(s.raw)[at] = got[0];
    float sum = __uint_as_float(got[1]);
#pragma unroll 1
    for (uint32_t i = at + kAttendThreads; wanted[1] && i < n; i += kAttendThreads)
        sum += s.words.get_float(p.told.squares[w] + i, rehearsal);
    sum = warp_sum(sum);
    if (at % 32 == 0) s.squares[at / 32] = sum;
    sync_attending();
    if (at < kHalf) {
        T low = s.raw[at], high = s.raw[at + kHalf];
        if (norm.weight) {
            sum = 0;
#pragma unroll
            for (const float of_warp : s.squares) sum += of_warp;
            const float r = 1.0f / sqrtf(sum / static_cast<float>(p.n_heads * kHeadDim) + norm.eps);
            low = normed(low, s.norm[w][at], r, norm.before_cast);
            high = normed(high, s.norm[w][at + kHalf], r, norm.before_cast);
        }
        rope_turn(low, high, s.table[at], p.table_in_act_dtype);
        to[at] = low;
        to[at + kHalf] = high;
    }
    sync_attending();
}

// Of the newest position, in every thread: each warp by itself.
template <class T, int kHeadDim>
__device__ float newest_score(const Shared<T, kHeadDim>& s) {
    float sum = 0;
#pragma unroll
    for (uint32_t d = threadIdx.x % 32; d < kHeadDim; d += 32)
        sum += widen(s.q[d]) * widen(s.newest_k[d]);
    return warp_sum(sum);
}

// The block's warps into one, told to the blocks of the head.
template <class T, int kHeadDim>
__device__ void tell_part(const Params<T>& p, const Serving<kHeadDim>& serving, bool rehearsal,
                          const Shared<T, kHeadDim>& s) {
    const uint32_t d = threadIdx.x % kAttendThreads;
    Partial whole = {-INFINITY, 0};
    float sum = 0;
#pragma unroll
    for (int w = 0; w < kAttendWarps; ++w) whole.m = fmaxf(whole.m, s.of_warp[w].m);
#pragma unroll
    for (int w = 0; w < kAttendWarps; ++w) {
        const float weight = worth(s.of_warp[w].m, whole.m);
        whole.l += s.of_warp[w].l * weight;
        if (d < kHeadDim) sum += s.sums[w][d] * weight;
    }
    const Words words = rehearsal ? s.words.rehearsal() : s.words;
    uint64_t* const to =
        p.told.parts + (serving.head * p.of_head + serving.rank) * uint64_t{kHeadDim + kPartial};
    if (d < kHeadDim) words.put(to + d, sum);
    if (d == 0) words.put(to + kHeadDim, whole.m);
    if (d == 1) words.put(to + kHeadDim + 1, whole.l);
}

// The parts of the head's blocks, the newest position and its v: this block's dimensions of the
// head's output, a thread each.
template <class T, int kHeadDim>
__device__ void finish(const Params<T>& p, const Serving<kHeadDim>& serving, float newest,
                       bool empty, bool rehearsal, Shared<T, kHeadDim>& s) {
    const uint32_t at = threadIdx.x % kAttendThreads, n = p.of_head;
    const uint32_t first = serving.first * 8, own = serving.end * 8 - first, size = own + kPartial;
    const uint64_t* const parts = p.told.parts + serving.head * n * uint64_t{kHeadDim + kPartial};
#pragma unroll 1
    for (uint32_t i = at; i < n * size; i += kAttendThreads) {
        const uint32_t j = i % size, word = j < own ? first + j : kHeadDim + j - own;
        s.parts[i] = s.words.get_float(parts + i / size * (kHeadDim + kPartial) + word, rehearsal);
    }
    sync_attending();
    const int32_t slot = empty || rehearsal ? -1 : p.slots[0], block = slot >> p.block_shift;
    if (slot >= 0 && serving.rank == 0 && at < kHeadDim / 8) {
        T* const cache = p.k_cache + p.k_stride.at(block, serving.head, p.slot_of(slot));
        reinterpret_cast<uint4*>(cache)[at] = reinterpret_cast<const uint4*>(s.newest_k)[at];
    }
    if (at >= own) return;
    float top = newest, sum = 0;
#pragma unroll 1
    for (uint32_t i = 0; i < n; ++i) top = fmaxf(top, s.parts[i * size + own]);
    const float of_newest = worth(newest, top);
    float total = of_newest;
#pragma unroll 1
    for (uint32_t i = 0; i < n; ++i) {
        const float weight = worth(s.parts[i * size + own], top);
        total += s.parts[i * size + own + 1] * weight;
        sum += s.parts[i * size + at] * weight;
    }
    if (!rehearsal) barrier_wait(shared_address(&s.values), 0);
    const T v = rehearsal ? T{} : s.newest_v[at];  // which others may be writing still
    const T result = narrow<T>((sum + of_newest * widen(v)) / total);
    if (rehearsal) return;
    if (slot >= 0) p.v_cache[p.v_stride.at(block, serving.head, p.slot_of(slot)) + first + at] = v;
    if (!empty) p.out[serving.head * kHeadDim + first + at] = result;
}

// By the block's attending warps.
template <class T, int kHeadDim>
__device__ void attend(const Params<T>& p, const Serving<kHeadDim>& serving,
                       Shared<T, kHeadDim>& s) {
    using Of = Turn<T, kHeadDim>;
    const uint32_t at = threadIdx.x % kAttendThreads, warp = at / 32, lane = at % 32;
    const uint32_t head = serving.head, n = p.of_head;
    const bool empty = p.cu_seqlens[0] >= p.cu_seqlens[1];
    const uint32_t context =
        empty ? 0 : min(static_cast<uint32_t>(max(p.context_lens[0], 0)), p.max_context);
    const uint32_t stored = context > 0 ? context - 1 : 0, share = (stored + n - 1) / n;
    const uint32_t begin = min(serving.rank * share, stored), end = min(begin + share, stored);
    const uint32_t first = begin + warp * kTurn;
    constexpr uint32_t kStride = kAttendWarps * kTurn;
    if (at < kHeadDim / 2)
        s.table[at] = rope_cos_sin<T>(empty ? 0 : p.positions[0], p.frequencies.inv_freq[at],
                                      p.table_in_act_dtype);
    for (int w = 0; w < 2; ++w)
        if (p.norm[w].weight && at < kHeadDim)
            s.norm[w][at] = p.norm[w].weight[head * kHeadDim + at];
    const float scale = p.scale * 1.44269504f;
#pragma unroll 1
    for (bool rehearsal = p.rehearse;; rehearsal = false) {
        take_row(p, 0, head, rehearsal, s.q, s);
        float q[8];
        unpack<T>(*reinterpret_cast<const uint4*>(s.q + lane % Of::kLanes * 8), q);
        Summed<T, kHeadDim> own;
#pragma unroll 1
        for (uint32_t from = first; from < end || rehearsal; from += kStride) {
            Of turn;
            turn.fetch(p, head, from, rehearsal ? 0 : end);
            float weights[Of::kLoads];
            own.scores(turn, q, from, end, scale, weights);
            own.weigh(weights);
            own.add(turn, weights);
            if (rehearsal) break;
        }
        own.finish();
        if (lane == 0) s.of_warp[warp] = own.part;
        if (lane < Of::kLanes)
#pragma unroll
            for (int e = 0; e < 8; ++e) s.sums[warp][lane * 8 + e] = own.sums[e];
        sync_attending();
        tell_part(p, serving, rehearsal, s);
        take_row(p, 1, head, rehearsal, s.newest_k, s);
        const float newest = newest_score(s) * scale;
        finish(p, serving, newest, empty, rehearsal, s);
        if (!rehearsal) return;
        sync_attending();
    }
}

}  // namespace heads
}  // namespace afs::cuda
