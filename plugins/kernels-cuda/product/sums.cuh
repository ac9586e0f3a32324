// A warpgroup's sums of part of a tile, from the ring's stages, and how the blocks that share a
// tile bring them together.
#pragma once
#include "kernels/ring.cuh"
#include "kernels/wgmma.cuh"
#include "product/walk.cuh"

namespace afs::cuda::product {

constexpr int kGroupThreads = 128, kGroups = 2;

// The threads of one warpgroup.
__device__ inline void sync_group(int group) {
    asm volatile("bar.sync %0, %1;" ::"r"(1 + group), "n"(kGroupThreads) : "memory");
}
// Both.
__device__ inline void sync_groups() {
    asm volatile("bar.sync 3, %0;" ::"n"(kGroups * kGroupThreads) : "memory");
}

// wait(place): until a stage is there.
template <class T, int kTokens, class Wait>
__device__ void multiply_piece(int depth, const Piece& piece, uint32_t stages, Wait wait,
                               uint32_t empty, int group, RingPlace& place,
                               float (&sum)[kTokens / 2]) {
    constexpr int kStageBytes = stage_bytes(kTokens);
    const bool tells = threadIdx.x % 32 == 0;
    int before = 0;
    for (int k = piece.begin; k < piece.end; ++k) {
        wait(place);
        const uint32_t at = stages + place.slot * kStageBytes;
        const uint64_t a = matrix_at(at + group * kGroupBytes);
        const uint64_t b = matrix_at(at + kGroups * kGroupBytes);
        products_fence();
#pragma unroll
        for (int step = 0; step < kStageColumns / 16; ++step)
            multiply_wide<T, kTokens>(sum, a + step * kNextColumns, b + step * kNextColumns,
                                      k > piece.begin || step > 0);
        products_commit();
        if (k > piece.begin) {
            products_wait<1>();
            if (tells) barrier_arrive(empty + 8 * before);
        }
        before = place.slot;
        place.next(depth);
    }
    products_wait<0>();
    if (tells) barrier_arrive(empty + 8 * before);
}

// A block's sums of part of a tile, for the block that makes its beginning.
template <int kTokens>
__device__ float4* partial_of(const Product& p, int block, int group) {
    return reinterpret_cast<float4*>(p.partial) +
           (int64_t{block} * kGroups + group) * (kTokens / 8) * kGroupThreads +
           threadIdx.x % kGroupThreads;
}
template <int kTokens>
__device__ void leave_partial(const Product& p, int group, const float (&sum)[kTokens / 2]) {
    const auto block = static_cast<int>(blockIdx.x);
    float4* to = partial_of<kTokens>(p, block, group);
#pragma unroll
    for (int i = 0; i < kTokens / 8; ++i)
        __stcg(to + i * kGroupThreads,
               make_float4(sum[4 * i], sum[4 * i + 1], sum[4 * i + 2], sum[4 * i + 3]));
    sync_group(group);
    if (threadIdx.x % kGroupThreads == 0)
        asm volatile("st.release.gpu.u32 [%0], %1;" ::"l"(p.flags + block * kGroups + group), "r"(1)
                     : "memory");
}
// Adds those of blocks first .. end, in order.
template <int kTokens>
__device__ void take_partials(const Product& p, int first, int end, int group,
                              float (&sum)[kTokens / 2]) {
    const int thread = static_cast<int>(threadIdx.x) % kGroupThreads;
    for (int block = first + thread; block < end; block += kGroupThreads) {
        uint32_t *flag = p.flags + block * kGroups + group, there = 0;
        for (int tries = 0; !there; ++tries) {  // it was made first of all by a block that runs
            if (tries == 1 << 26) __trap();
            asm volatile("ld.acquire.gpu.u32 %0, [%1];" : "=r"(there) : "l"(flag) : "memory");
        }
        *flag = 0;
    }
    sync_group(group);
#pragma unroll 4
    for (int block = first; block < end; ++block) {
        const float4* from = partial_of<kTokens>(p, block, group);
#pragma unroll
        for (int i = 0; i < kTokens / 8; ++i) {
            const float4 more = __ldcg(from + i * kGroupThreads);
            sum[4 * i] += more.x, sum[4 * i + 1] += more.y;
            sum[4 * i + 2] += more.z, sum[4 * i + 3] += more.w;
        }
    }
}

}  // namespace afs::cuda::product
