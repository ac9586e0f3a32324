// A block's ring of pages (stream/page.hpp): one thread asks the copy engine for weights, eight
// warps multiply them with a vector that lies in shared memory, in one team that shares every page
// or in several that take turns: pages that have piled up are then multiplied faster than new ones
// come.
//
// A product is mma.m16n8k16 with the 8 rows of two neighbouring blocks of columns on the m side and
// x's two blocks on the n side, of whose 64 sums per block 8 are of use. A lane takes 8
// neighbouring columns of its row at once; that permutes the columns within a block alike on both
// sides.
#pragma once
#include "kernels/ring.cuh"
#include "kernels/swiglu.cuh"
#include "stream/make_x.cuh"
#include "stream/page.hpp"
#include "stream/stream.hpp"

namespace afs::cuda {

// The shape of a product's weights: made once, since a page's time has room for few divisions.
struct WeightShape {
    int32_t columns, gated, pages;  // pages of a group of rows
    int32_t rows[kStreamWeights], groups[kStreamWeights];

    __host__ __device__ explicit WeightShape(const StreamProduct& p)
        : columns(p.columns), gated(p.gated) {
        pages = (columns + kPageColumns - 1) / kPageColumns;
        for (int w = 0; w < kStreamWeights; ++w) {
            rows[w] = p.rows[w];
            groups[w] = (rows[w] + kPageRows - 1) / kPageRows;
        }
    }
    __host__ __device__ int padded_columns() const { return pages * kPageColumns; }
    // What blocks share out: groups of rows or, gated, pairs of groups.
    __host__ __device__ int units() const {
        return groups[0] + (gated ? 0 : groups[1] + groups[2]);
    }
    // Which weight a group belongs to; group becomes its number within that weight.
    __host__ __device__ int weight_of(int& group) const {
        if (gated || group < groups[0]) return 0;
        group -= groups[0];
        if (group < groups[1]) return 1;
        group -= groups[1];
        return 2;
    }
};

struct StreamRing {
    char* pages;           // [depth][kPageBytes], on 1024 bytes
    uint32_t full, empty;  // addresses of a barrier a page
    int depth;

    __device__ StreamRing(char* shared, const uint64_t* full_at, const uint64_t* empty_at, int n)
        : pages(shared), full(shared_address(full_at)), empty(shared_address(empty_at)), depth(n) {}
    // By one thread. depth is a multiple of the teams, so that a page of the ring is always the
    // same team's: else one could wait for a page while that place still waits for the one before.
    __device__ void init(int teams) const {
        for (int s = 0; s < depth; ++s) {
            barrier_init(full + 8 * s, 1);
            barrier_init(empty + 8 * s, static_cast<uint32_t>(kMakingWarps / teams));
        }
        barrier_fence();
    }
};

// By one thread.
class PageCopies {
public:
    __device__ PageCopies(const StreamRing& ring, int in_flight)
        : ring_(ring), in_flight_(in_flight) {}

    // The pages of a unit.
    __device__ void ask(const CUtensorMap* weights, const WeightShape& shape, int unit) {
        const int w = shape.weight_of(unit);
        ask_group(weights[w], shape, unit);
        if (shape.gated) ask_group(weights[1], shape, unit);
    }

private:
    __device__ void ask_group(const CUtensorMap& weight, const WeightShape& shape, int group) {
        for (int page = 0; page < shape.pages; ++page) {
            barrier_wait(ring_.empty + 8 * to_.slot, to_.parity);
            if (asked_++ >= in_flight_) {
                barrier_wait(ring_.full + 8 * landed_.slot, landed_.parity);
                landed_.next(ring_.depth);
            }
            barrier_expect(ring_.full + 8 * to_.slot, kPageBytes);
            copy_box(shared_address(ring_.pages) + to_.slot * kPageBytes, weight, 0,
                     group * kPageRows, page * kPageBlocks, ring_.full + 8 * to_.slot);
            to_.next(ring_.depth);
        }
    }

    const StreamRing& ring_;
    RingPlace to_ = {0, 1}, landed_;  // a slot is empty at first: as if the phase before were over
    int in_flight_, asked_ = 0;
};

// Which pages are a warp's, through all groups of rows of all products of a kernel.
template <int kTeams>
struct PageTurns {
    RingPlace place;
    int next;  // the warp's next page, counted from the first of the group that is multiplied

    __device__ explicit PageTurns(int depth) : next(0) {
        advance(static_cast<int>(threadIdx.x) / 32 % kTeams, depth);
    }
    __device__ void advance(int n, int depth) {
        next += n;
        place.slot += n;
        while (place.slot >= depth) place.slot -= depth, place.parity ^= 1;
    }
};

// A warp's part of a group of rows.
template <class T, int kTeams>
class PageReader {
public:
    static constexpr int kBlocks = kPageBlocks / (kMakingWarps / kTeams);  // of a page, of a warp

    __device__ PageReader(const StreamRing& ring, const T* x) : ring_(ring) {
        const int part = static_cast<int>(threadIdx.x) / 32 / kTeams, lane = this->lane();
        // The lanes that load together get rows 4 apart: with the swizzle they meet no bank twice.
        const int column = lane % 4, row = row_of(lane);
        const int first = part * kBlocks * 1024 + row * 128;
        left_ = first + ((column ^ row) << 4);
        right_ = first + (((column + 4) ^ row) << 4);
        x_ = reinterpret_cast<const char*>(x) + part * kBlocks * 128 + lane / 4 * 128 + column * 16;
    }

    // The sum of row row_of(lane), in every fourth lane.
    __device__ float group(int pages, PageTurns<kTeams>& turns) const {
        float sums[4][4] = {};
        for (; turns.next < pages; turns.advance(kTeams, ring_.depth))
            multiply_page(turns.next, turns.place, sums);
        turns.next -= pages;
        return (sums[0][0] + sums[0][3]) + (sums[1][0] + sums[1][3]) + (sums[2][0] + sums[2][3]) +
               (sums[3][0] + sums[3][3]);
    }
    __device__ static int row_of(int lane) { return (lane / 8) | ((lane / 4 % 2) << 2); }

private:
    __device__ void multiply_page(int page, const RingPlace& place, float (&sums)[4][4]) const {
        const char* const x = x_ + page * kPageColumns * 2;
        const char* const weights = ring_.pages + place.slot * kPageBytes;
        barrier_wait(ring_.full + 8 * place.slot, place.parity);
        uint4 w[kBlocks / 2][4], v[kBlocks / 2][2];
#pragma unroll
        for (int i = 0; i < kBlocks / 2; ++i) {
            const auto load = [&](int offset) {
                return *reinterpret_cast<const uint4*>(weights + i * 2048 + offset);
            };
            w[i][0] = load(left_), w[i][1] = load(left_ + 1024);
            w[i][2] = load(right_), w[i][3] = load(right_ + 1024);
            const auto* const of_x = reinterpret_cast<const uint4*>(x + i * 256);
            v[i][0] = lane() < 8 ? of_x[0] : uint4{};
            v[i][1] = lane() < 8 ? of_x[4] : uint4{};
        }
        __syncwarp();
        if (lane() == 0) barrier_arrive(ring_.empty + 8 * place.slot);
#pragma unroll
        for (int i = 0; i < kBlocks / 2; ++i)
#pragma unroll
            for (int side = 0; side < 2; ++side) {
                const uint4 &a = w[i][2 * side], &b = w[i][2 * side + 1], &c = v[i][side];
                const uint32_t low[4] = {a.x, b.x, a.y, b.y}, high[4] = {a.z, b.z, a.w, b.w};
                mma(T{}, sums[2 * side], low, c.x, c.y);
                mma(T{}, sums[2 * side + 1], high, c.z, c.w);
            }
    }
    __device__ static int lane() {
        return static_cast<int>(threadIdx.x) % 32;
    }

    const StreamRing& ring_;
    const char* x_;  // the lane's first
    int left_, right_;
};

// Of a unit's groups, by warp: a unit of each writer. Only the writer waits for the others, each
// warp once in so many units, so nobody writes a sum again that was not read.
struct GroupSums {
    float at[kMakingWarps][2][kMakingWarps][kPageRows];
};

// This block's units of a product, one after the other. store(weight, row, result, is_last): by one
// warp, whose lanes below 8 have a row each, maybe beyond the weight.
template <class T, int kTeams, class Store>
__device__ void multiply_units(const StreamRing& ring, const WeightShape& shape, int first, int end,
                               const T* x, PageTurns<kTeams>& turns, GroupSums& sums, Store store) {
    constexpr int kFirstBarrier = 2;  // 1 is sync_makers'
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
    const PageReader<T, kTeams> reader(ring, x);
    for (int unit = first; unit < end; ++unit) {
        const int writer = unit % kMakingWarps;
        auto& of_unit = sums.at[writer];
        for (int g = 0; g <= shape.gated; ++g) {
            const float own = reader.group(shape.pages, turns);
            if (lane % 4 == 0) of_unit[g][warp][reader.row_of(lane)] = own;
        }
        if (warp != writer) {
            asm volatile("bar.arrive %0, %1;" ::"r"(kFirstBarrier + writer), "n"(kMakingThreads)
                         : "memory");
            continue;
        }
        asm volatile("bar.sync %0, %1;" ::"r"(kFirstBarrier + writer), "n"(kMakingThreads)
                     : "memory");
        const auto sum_of = [&](int g) {  // in the first lanes
            float sum = 0;
            if (lane < kPageRows)
#pragma unroll
                for (int w = 0; w < kMakingWarps; ++w) sum += of_unit[g][w][lane];
            return narrow<T>(sum);
        };
        T result = sum_of(0);
        if (shape.gated) result = swiglu(result, sum_of(1));
        int group = unit;
        const int w = shape.weight_of(group);
        store(w, group * kPageRows + lane, result, unit + 1 == end);
    }
}

}  // namespace afs::cuda
