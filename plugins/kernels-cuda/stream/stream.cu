// One thread of a block asks the copy engine for pages (8 rows x 1024 columns, 16 KiB) as long as
// the ring has room; eight warps multiply them. Bound by the weights' bytes.
//
// Measured on an H200 (docs/PERFORMANCE.md): what counts is how many bytes are on their way, which
// is limited apart from the ring's depth (a longer queue only delays the vector's own loads), that
// one copy instruction brings a whole page, and that the next launch fills its ring while this one
// still works.
//
// A product is mma.m16n8k16 with the 8 rows on the n side and x as one row of the m side. A lane
// takes 8 neighbouring columns of x and of its row at once; that permutes the columns within a
// block alike on both sides. Sums of a row: over a warp's columns in the accumulators, then over
// the eight warps in shared memory, always in the same order.
#include "device/launch.hpp"
#include "kernels/overlap.cuh"
#include "kernels/ring.cuh"
#include "kernels/swiglu.cuh"
#include "stream/make_x.cuh"
#include "stream/page.hpp"
#include "stream/stream.hpp"

namespace afs::cuda {
namespace {

// The warps of make_x multiply; one more copies.
constexpr int kWarps = kMakingWarps, kThreads = kMakingThreads;
constexpr int kWarpBlocks = kPageBlocks / kWarps;
constexpr int kMaxDepth = 8;

struct Small {  // what a block keeps beside pages and x
    uint64_t full[kMaxDepth], empty[kMaxDepth];
    float partial[2][kWarps][kPageRows];
    SumsOfWarps of_warp;
};

// The groups of 8 rows that a block multiplies, one after the other: gated, gate and up in turn.
struct Share {
    int first, end;  // units: groups, or pairs of groups

    __device__ explicit Share(const StreamProduct& p) {
        int units = 0;
        for (int w = 0; w < (p.gated ? 1 : kStreamWeights); ++w)
            units += (p.rows[w] + kPageRows - 1) / kPageRows;
        const int blocks = static_cast<int>(gridDim.x), block = static_cast<int>(blockIdx.x);
        first = static_cast<int>(int64_t{units} * block / blocks);
        end = static_cast<int>(int64_t{units} * (block + 1) / blocks);
    }
};
// Which weight a group belongs to; group becomes its number within that weight.
__device__ int weight_of(const StreamProduct& p, int& group) {
    for (int w = 0;; ++w) {
        const int groups = (p.rows[w] + kPageRows - 1) / kPageRows;
        if (w == kStreamWeights - 1 || group < groups) return w;
        group -= groups;
    }
}

__device__ void copy_pages(const StreamProduct& p, const Share& share, uint32_t pages,
                           uint32_t full, uint32_t empty) {
    const int per_group = (p.columns + kPageColumns - 1) / kPageColumns;
    RingPlace to = {0, 1}, landed;  // a slot is empty at first: as if the phase before were over
    int asked = 0;
    const auto copy_group = [&](int w, int group) {
        for (int page = 0; page < per_group; ++page) {
            barrier_wait(empty + 8 * to.slot, to.parity);
            if (asked++ >= p.in_flight) {
                barrier_wait(full + 8 * landed.slot, landed.parity);
                landed.next(p.depth);
            }
            barrier_expect(full + 8 * to.slot, kPageBytes);
            copy_box(pages + to.slot * kPageBytes, p.weights[w], 0, group * kPageRows,
                     page * kPageBlocks, full + 8 * to.slot);
            to.next(p.depth);
        }
    };
    for (int unit = share.first; unit < share.end; ++unit) {
        int group = unit;
        if (p.gated) {
            copy_group(0, group);
            copy_group(1, group);
        } else {
            const int w = weight_of(p, group);
            copy_group(w, group);
        }
    }
}

// This warp's part of one group: 8 rows times its blocks of every page.
template <class T>
__device__ void multiply_group(const StreamProduct& p, const T* x, const char* pages, uint32_t full,
                               uint32_t empty, RingPlace& place, float (&out)[2]) {
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
    // The lanes that load together get rows 4 apart: with the swizzle they meet no bank twice.
    const int column = lane % 4, row = (lane / 8) | ((lane / 4 % 2) << 2);
    const int left = row * 128 + ((column ^ row) << 4);
    const int right = row * 128 + (((column + 4) ^ row) << 4);
    const int per_group = (p.columns + kPageColumns - 1) / kPageColumns;
    const char* from = reinterpret_cast<const char*>(x) + warp * kWarpBlocks * 128 + column * 16;
    float even[4] = {}, odd[4] = {};
    for (int page = 0; page < per_group; ++page, from += kPageColumns * 2) {
        uint4 w[2 * kWarpBlocks], v[2 * kWarpBlocks];
#pragma unroll
        for (int b = 0; b < 2 * kWarpBlocks; ++b)
            v[b] = lane < 4 ? *reinterpret_cast<const uint4*>(from + b * 64) : uint4{};
        barrier_wait(full + 8 * place.slot, place.parity);
        const char* blocks = pages + place.slot * kPageBytes + warp * kWarpBlocks * 1024;
#pragma unroll
        for (int b = 0; b < kWarpBlocks; ++b) {
            w[2 * b] = *reinterpret_cast<const uint4*>(blocks + b * 1024 + left);
            w[2 * b + 1] = *reinterpret_cast<const uint4*>(blocks + b * 1024 + right);
        }
        __syncwarp();
        if (lane == 0) barrier_arrive(empty + 8 * place.slot);
#pragma unroll
        for (int b = 0; b < 2 * kWarpBlocks; ++b) {
            const uint32_t low[4] = {v[b].x, 0, v[b].y, 0}, high[4] = {v[b].z, 0, v[b].w, 0};
            mma(T{}, even, low, w[b].x, w[b].y);
            mma(T{}, odd, high, w[b].z, w[b].w);
        }
        place.next(p.depth);
    }
    out[0] = even[0] + odd[0];  // rows column and column + 4, in lanes 0 to 3
    out[1] = even[1] + odd[1];
}

template <class T>
__device__ void multiply(const StreamProduct& p, const Share& share, const T* x, const char* pages,
                         uint32_t full, uint32_t empty, Small& small) {
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
    RingPlace place;
    int n_done = 0;
    // The sums of a group, in lanes 0 to 7 of warp `writer`. Two buffers: nobody writes one again
    // before the barrier that follows its reading.
    const auto group_sums = [&](int writer) {
        float own[2];
        multiply_group(p, x, pages, full, empty, place, own);
        auto& partial = small.partial[n_done++ % 2];
        if (lane < 4) partial[warp][lane] = own[0], partial[warp][lane + 4] = own[1];
        sync_makers();
        float sum = 0;
        if (warp == writer && lane < kPageRows)
#pragma unroll
            for (int w = 0; w < kWarps; ++w) sum += partial[w][lane];
        return sum;
    };
    for (int unit = share.first; unit < share.end; ++unit) {
        const int writer = unit % kWarps;
        int group = unit;
        const int w = p.gated ? 0 : weight_of(p, group);
        float sum = group_sums(writer);
        T result = narrow<T>(sum);
        if (p.gated) {
            const float up = group_sums(writer);
            result = swiglu(result, narrow<T>(up));
        }
        const int row = group * kPageRows + lane;
        if (warp == writer && lane < kPageRows && row < p.rows[w])
            static_cast<T*>(p.out[w])[row] = result;
    }
}

// With up to 64 registers two blocks fit on an SM beside one of attention
// (ops/attention/decode.cu).
template <class T, int kHeld>
__global__ void __maxnreg__(kHeld == kFewHeld ? 64 : 72)
    stream_kernel(const __grid_constant__ StreamProduct p) {
#if __CUDA_ARCH__ >= 900
    extern __shared__ __align__(1024) char shared[];
    const int x_bytes = (p.columns + kPageColumns - 1) / kPageColumns * kPageColumns * 2;
    T* x = reinterpret_cast<T*>(shared + p.depth * kPageBytes);
    Small& small = *reinterpret_cast<Small*>(shared + p.depth * kPageBytes + x_bytes);
    const uint32_t full = shared_address(small.full), empty = shared_address(small.empty);
    if (threadIdx.x == 0) {
        let_next_start();
        for (int s = 0; s < p.depth; ++s) {
            barrier_init(full + 8 * s, 1);
            barrier_init(empty + 8 * s, kWarps);
        }
        barrier_fence();
    }
    __syncthreads();
    const Share share(p);
    if (threadIdx.x >= kThreads) {  // weights wait for nobody
        if (threadIdx.x == kThreads) copy_pages(p, share, shared_address(shared), full, empty);
        return;
    }
    const int padded = (p.columns + kPageColumns - 1) / kPageColumns * kPageColumns;
    make_x<T, kHeld>(p.input, p.columns, padded, x, blockIdx.x == 0, small.of_warp);
    multiply(p, share, x, shared, full, empty, small);
#endif
}

int shared_bytes(const StreamProduct& p) {
    const int x_bytes = (p.columns + kPageColumns - 1) / kPageColumns * kPageColumns * 2;
    return p.depth * kPageBytes + x_bytes + static_cast<int>(sizeof(Small));
}

}  // namespace

void stream_ring(StreamProduct& product, bool beside_attention, int32_t in_flight) {
    product.depth = 0;
    const int limit = beside_attention ? kStreamSharedBesideAttention : kStreamSharedBytes;
    const int room = limit - shared_bytes(product);
    product.depth = room / kPageBytes < kMaxDepth ? room / kPageBytes : kMaxDepth;
    product.in_flight = in_flight < 1 ? 1 : product.depth < in_flight ? product.depth : in_flight;
}

Status stream_launch(const StreamProduct& product, int32_t dtype, bool early, cudaStream_t stream) {
    const int n_sms = device_attribute(cudaDevAttrMultiProcessorCount);
    int units = 0;
    for (int w = 0; w < (product.gated ? 1 : kStreamWeights); ++w)
        units += (product.rows[w] + kPageRows - 1) / kPageRows;
    const bool few = product.columns <= 8 * kFewHeld * kThreads || !product.input.is_made();
    const auto kernel = dtype == AFS_BF16
                            ? few ? stream_kernel<bf16, kFewHeld> : stream_kernel<bf16, kMostHeld>
                        : few ? stream_kernel<f16, kFewHeld>
                              : stream_kernel<f16, kMostHeld>;
    AFS_TRY(prefer_shared(kernel, kStreamSharedBytes));
    Launch how = {dim3(static_cast<unsigned>(units < n_sms ? units : n_sms)), kThreads + 32,
                  static_cast<size_t>(shared_bytes(product)), stream};
    how.overlaps = early;
    return launch(how, kernel, product);
}

}  // namespace afs::cuda
