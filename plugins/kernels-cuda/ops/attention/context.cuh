// A share of one kv head's context, walked by the warps of a block: 16 positions a warp at a time,
// the next turn's on their way as soon as there are registers for them.
#pragma once
#include "kernels/cache.cuh"
#include "ops/attention/attention.hpp"
#include "ops/attention/decode_warp.cuh"

namespace afs::cuda {

constexpr uint32_t kTile = 16;                 // positions of a warp at a time
constexpr int kHeads = kAttentionDecodeGroup;  // the n side of a product

// One layer's cache.
struct KvCache {
    void *k, *v;
    CacheStride k_stride, v_stride;
    uint32_t block_size, block_shift;  // shift: of a block_size that is a power of two; else 32

    __device__ uint32_t block_of(uint32_t position) const {
        return block_shift < 32 ? position >> block_shift : position / block_size;
    }
    __device__ uint32_t slot_of(uint32_t position) const {
        return block_shift < 32 ? position & (block_size - 1) : position % block_size;
    }
};

inline KvCache kv_cache(const AttentionArgs& a) {
    uint32_t shift = 0;
    while (shift < 32 && uint64_t{1} << shift != a.layout.block_size) ++shift;
    return {const_cast<void*>(a.k),         const_cast<void*>(a.v), CacheStride(a.layout.k_stride),
            CacheStride(a.layout.v_stride), a.layout.block_size,    shift};
}

template <class T, int kHeadDim, int kWarps>
class ContextWalk {
public:
    // blocks: the sequence's; positions [begin, end) of the kv head.
    __device__ ContextWalk(const KvCache& cache, const int32_t* blocks, uint32_t kv_head,
                           uint32_t begin, uint32_t end)
        : cache_(cache), blocks_(blocks), kv_head_(kv_head), end_(end) {
        first_ = begin + threadIdx.x / 32 * kTile;
        find(first_);
        fetch(cache_.k, cache_.k_stride, first_, k_);
        fetch(cache_.v, cache_.v_stride, first_, v_);
    }

    // q: the lane's part of its head, in shared memory. newest_k: the newest position's, in shared
    // memory like newest_v, or NULL; it is the first of a tile of its own, of the warp with the
    // least to do. A rehearsal takes one turn on whatever lies there.
    __device__ void run(Sums<T, kHeadDim>& own, const T* q, const T* newest_k, const T* newest_v,
                        float scale, bool rehearsal) {
        constexpr uint32_t kStride = kWarps * kTile;
        const uint32_t lane = threadIdx.x % 32, dim = lane % 4 * 8;
        bool newest = newest_k && threadIdx.x / 32 == kWarps - 1;
        if (!rehearsal) find(first_ + kStride);
        for (uint32_t at = first_; at < end_ || newest || rehearsal; at += kStride) {
            const bool from_cache = at < end_, more = at + kStride < end_ && !rehearsal;
            if (!from_cache && !rehearsal) {
                newest = false;
#pragma unroll
                for (int c = 0; c < kHeadDim / 32; ++c) {
                    const uint32_t d = c * 32 + dim;
                    k_.low[c] = *reinterpret_cast<const uint4*>(newest_k + d);
                    v_.low[c] = lane < 4 ? *reinterpret_cast<const uint4*>(newest_v + d) : uint4{};
                    k_.high[c] = v_.high[c] = uint4{};
                }
            }
            const uint32_t stop = from_cache ? end_ : at + 1;
            float scores[4] = {};
            score<T, kHeadDim>(k_, q, scores);
            if (more) fetch(cache_.k, cache_.k_stride, at + kStride, k_);
#pragma unroll
            for (int e = 0; e < 4; ++e)
                scores[e] = at + lane / 4 + e / 2 * 8 < stop ? scores[e] * scale : -INFINITY;
            own.weigh(scores);
            Side<kHeadDim> values = v_;
            values.transpose();
            if (more) {
                fetch(cache_.v, cache_.v_stride, at + kStride, v_);
                find(at + 2 * kStride);
            }
            own.add(scores, values);
            if (rehearsal) break;
        }
    }

private:
    // Which of the cache's blocks the lane's two positions of a tile lie in; asked for a turn
    // early.
    __device__ void find(uint32_t first) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const uint32_t position = first + half * 8 + threadIdx.x % 32 / 4;
            held_[half] = position < end_ ? blocks_[cache_.block_of(position)] : 0;
        }
    }
    __device__ void fetch(const void* side, const CacheStride& stride, uint32_t first,
                          Side<kHeadDim>& to) const {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const uint32_t lane = threadIdx.x % 32, position = first + half * 8 + lane / 4;
            const bool inside = position < end_;
            const T* from = static_cast<const T*>(side) +
                            stride.at(held_[half], kv_head_, inside ? cache_.slot_of(position) : 0);
#pragma unroll
            for (int c = 0; c < kHeadDim / 32; ++c) {
                uint4& target = half ? to.high[c] : to.low[c];
                target = inside
                             ? __ldcg(reinterpret_cast<const uint4*>(from + c * 32 + lane % 4 * 8))
                             : uint4{};
            }
        }
    }

    const KvCache& cache_;
    const int32_t* blocks_;
    uint32_t kv_head_, first_, end_, held_[2];
    Side<kHeadDim> k_, v_;
};

}  // namespace afs::cuda
