// Groups of 8 rows of a weight times x, through the ring: one thread asks the copy engine for their
// pages, eight warps multiply them.
//
// A product is mma.m16n8k16 with the 8 rows on the n side and x as one row of the m side. A lane
// takes 8 neighbouring columns of x and of its row at once; that permutes the columns within a
// block alike on both sides. Sums of a row: over a warp's columns in the accumulators, then over
// the eight warps in shared memory, always in the same order.
#pragma once
#include "kernels/ring.cuh"
#include "stream/make_x.cuh"
#include "stream/page.hpp"
#include "stream/turn.cuh"

namespace afs::cuda {

// The warps of make_x multiply.
constexpr int kStreamWarps = kMakingWarps;
constexpr int kMaxPages = 8;  // of a ring
// Pages on their way while the ring fills: the launch before still reads its last ones, and the
// vector is to come first.
constexpr int kFillInFlight = 2;

// What a block keeps beside pages and x.
struct StreamShared {
    uint64_t full[kMaxPages], empty[kMaxPages];
    float partial[2][kStreamWarps][kPageRows];
    SumsOfWarps of_warp;
};

// Shared memory behind the pages: x with zeros up to the end of its last page.
__host__ __device__ inline int padded_columns(int columns) {
    return (columns + kPageColumns - 1) / kPageColumns * kPageColumns;
}

// A ring's addresses in shared memory.
struct StreamRing {
    uint32_t pages, full, empty;
    int depth, in_flight;

    // By one thread; see barrier_fence.
    __device__ void init() const {
        for (int s = 0; s < depth; ++s) {
            barrier_init(full + 8 * s, 1);
            barrier_init(empty + 8 * s, kStreamWarps);
        }
    }
};

// A page of a weight.
struct Page {
    int weight, group, number;  // number: within the group
};

// One thread asks for all pages of its block, where(i) being the i-th.
template <class Where>
__device__ void copy_pages(const StreamProduct& p, const StreamRing& ring, int n_pages,
                           const Where& where) {
    if (n_pages == 0) return;
    const Turn turn(p.turns);
    const uint64_t policy = read_once();
    RingPlace to = {0, 1}, landed;  // a slot is empty at first: as if the phase before were over
    int on_way = 0;
    turn.wait();
#pragma unroll 1
    for (int i = 0; i < n_pages; ++i) {
        const Page page = where(i);
        barrier_wait(ring.empty + 8 * to.slot, to.parity);
        const int most = i < ring.depth ? min(kFillInFlight, ring.in_flight) : ring.in_flight;
#pragma unroll 1
        for (; on_way >= most; --on_way) {
            barrier_wait(ring.full + 8 * landed.slot, landed.parity);
            landed.next(ring.depth);
        }
        barrier_expect(ring.full + 8 * to.slot, kPageBytes);
        copy_box_once(ring.pages + to.slot * kPageBytes, p.weights[page.weight], 0,
                      page.group * kPageRows, page.number * kPageBlocks, ring.full + 8 * to.slot,
                      policy);
        to.next(ring.depth);
        ++on_way;
    }
    turn.end();
}

// The warps that multiply them in the same order.
template <class T>
struct Multiplying {
    const StreamRing& ring;
    const char* pages;
    const T* x;
    int per_group;
    StreamShared& shared;
    RingPlace place;
    int n_done = 0;

    __device__ Multiplying(const StreamRing& of, const char* pages_at, const T* of_x, int columns,
                           StreamShared& s)
        : ring(of),
          pages(pages_at),
          x(of_x),
          per_group(padded_columns(columns) / kPageColumns),
          shared(s) {}

    // Goes through the code alone: it waits for no page, and the next group's stay where they are.
    __device__ void rehearse() {
        const RingPlace before = place;
        float unused[2];
        part(unused, true);
        place = before;
    }

    // This warp's part of the next group: 8 rows times its blocks of every page.
    __device__ void part(float (&out)[2], bool rehearsal = false) {
        constexpr int kWarpBlocks = kPageBlocks / kStreamWarps;
        const int warp = static_cast<int>(threadIdx.x) / 32;
        const int lane = static_cast<int>(threadIdx.x) % 32;
        // The lanes that load together get rows 4 apart: with the swizzle they meet no bank twice.
        const int column = lane % 4, row = (lane / 8) | ((lane / 4 % 2) << 2);
        const int left = row * 128 + ((column ^ row) << 4);
        const int right = row * 128 + (((column + 4) ^ row) << 4);
        const char* from =
            reinterpret_cast<const char*>(x) + warp * kWarpBlocks * 128 + column * 16;
        float even[4] = {}, odd[4] = {};
#pragma unroll 1
        for (int page = 0; page < per_group; ++page, from += kPageColumns * 2) {
            uint4 w[2 * kWarpBlocks], v[2 * kWarpBlocks];
#pragma unroll
            for (int b = 0; b < 2 * kWarpBlocks; ++b)
                v[b] = lane < 4 ? *reinterpret_cast<const uint4*>(from + b * 64) : uint4{};
            if (!rehearsal) barrier_wait(ring.full + 8 * place.slot, place.parity);
            const char* blocks = pages + place.slot * kPageBytes + warp * kWarpBlocks * 1024;
#pragma unroll
            for (int b = 0; b < kWarpBlocks; ++b) {
                w[2 * b] = *reinterpret_cast<const uint4*>(blocks + b * 1024 + left);
                w[2 * b + 1] = *reinterpret_cast<const uint4*>(blocks + b * 1024 + right);
            }
            __syncwarp();
            if (lane == 0 && !rehearsal) barrier_arrive(ring.empty + 8 * place.slot);
#pragma unroll
            for (int b = 0; b < 2 * kWarpBlocks; ++b) {
                const uint32_t low[4] = {v[b].x, 0, v[b].y, 0}, high[4] = {v[b].z, 0, v[b].w, 0};
                mma(T{}, even, low, w[b].x, w[b].y);
                mma(T{}, odd, high, w[b].z, w[b].w);
            }
            place.next(ring.depth);
        }
        out[0] = even[0] + odd[0];  // rows column and column + 4, in lanes 0 to 3
        out[1] = even[1] + odd[1];
    }

    // The sums of the next group, in lanes 0 to 7 of warp `writer`. Two buffers: nobody writes one
    // again before the barrier that follows its reading.
    __device__ float sums(int writer) {
        const int warp = static_cast<int>(threadIdx.x) / 32;
        const int lane = static_cast<int>(threadIdx.x) % 32;
        float own[2];
        part(own);
        auto& partial = shared.partial[n_done++ % 2];
        if (lane < 4) partial[warp][lane] = own[0], partial[warp][lane + 4] = own[1];
        sync_makers();
        float sum = 0;
        if (warp == writer && lane < kPageRows)
#pragma unroll
            for (int w = 0; w < kStreamWarps; ++w) sum += partial[w][lane];
        return sum;
    }
};

}  // namespace afs::cuda
