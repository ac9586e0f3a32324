// linear/1 in fp16 or bf16 on tensor cores. A block makes a tile of the output from slices of 64
// columns, copied asynchronously into a ring of stages in shared memory; rows of 128 bytes are
// swizzled so that ldmatrix meets no bank twice. Every output is one fp32 sum in ascending k.
#include "device/launch.hpp"
#include "kernels/mma.cuh"
#include "kernels/overlap.cuh"
#include "kernels/rows.cuh"
#include "ops/linear/linear.hpp"

namespace afs::cuda {
namespace {

constexpr int kSlice = 64;               // columns of a stage
constexpr int kRowBytes = kSlice * 2;    // of one row in shared memory
constexpr int kChunks = kRowBytes / 16;  // 16-byte pieces of a row

// kTokens x kOutputs: the block's tile; a warp makes kWarpTokens x kWarpOutputs of it.
template <int kTokens_, int kOutputs_, int kWarpTokens_, int kWarpOutputs_, int kStages_>
struct Tile {
    static constexpr int kTokens = kTokens_, kOutputs = kOutputs_;
    static constexpr int kWarpTokens = kWarpTokens_, kWarpOutputs = kWarpOutputs_;
    static constexpr int kStages = kStages_;
    static constexpr int kWarpColumns = kOutputs / kWarpOutputs;
    static constexpr int kThreads = 32 * kWarpColumns * (kTokens / kWarpTokens);
    static constexpr int kStageBytes = (kTokens + kOutputs) * kRowBytes;
    static constexpr int kSharedBytes = kStages * kStageBytes;
};

__device__ uint32_t swizzled(int row, int chunk) {
    return static_cast<uint32_t>(row * kRowBytes + ((chunk ^ (row % 8)) << 4));
}

// Starts the copy of kRows rows, columns k0 .. k0 + kSlice.
template <int kRows, int kThreads, class T>
__device__ void copy_slice(uint32_t to, Rows<const T> from, int64_t first, int64_t n, int64_t k0,
                           int64_t k) {
#pragma unroll
    for (int i = 0; i < kRows * kChunks / kThreads; ++i) {
        const int at = i * kThreads + static_cast<int>(threadIdx.x);
        const int row = at / kChunks, chunk = at % kChunks;
        const int64_t col = k0 + chunk * 8;
        const bool inside = first + row < n && col < k;
        copy_async(to + swizzled(row, chunk), inside ? from.row(first + row) + col : from.data,
                   inside);
    }
}

template <class T, class Tile>
__global__ void __launch_bounds__(Tile::kThreads)
    linear_mma_kernel(Rows<const T> x, Rows<const T> weight, Rows<T> out, int64_t n, int64_t m,
                      int64_t k) {
    extern __shared__ __align__(128) char shared[];
    constexpr int kM = Tile::kWarpTokens / 16, kN = Tile::kWarpOutputs / 8;
    const int64_t first = int64_t{blockIdx.y} * Tile::kTokens;
    const int64_t first_out = int64_t{blockIdx.x} * Tile::kOutputs;
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
    const int warp_row = warp / Tile::kWarpColumns * Tile::kWarpTokens;
    const int warp_col = warp % Tile::kWarpColumns * Tile::kWarpOutputs;
    const uint32_t base = shared_address(shared);
    let_next_start();
    wait_for_previous();
    const auto n_slices = static_cast<int>((k + kSlice - 1) / kSlice);

    const auto start = [&](int slice) {
        if (slice < n_slices) {
            const uint32_t to =
                base + static_cast<uint32_t>(slice % Tile::kStages * Tile::kStageBytes);
            const int64_t k0 = int64_t{slice} * kSlice;
            copy_slice<Tile::kTokens, Tile::kThreads>(to, x, first, n, k0, k);
            copy_slice<Tile::kOutputs, Tile::kThreads>(to + Tile::kTokens * kRowBytes, weight,
                                                       first_out, m, k0, k);
        }
        copy_async_commit();  // an empty group keeps the count of stages
    };
#pragma unroll
    for (int s = 0; s < Tile::kStages - 1; ++s) start(s);

    float sum[kM][kN][4] = {};
    for (int slice = 0; slice < n_slices; ++slice) {
        copy_async_wait<Tile::kStages - 2>();
        __syncthreads();  // the slice is there for all, and nobody reads the one before any more
        start(slice + Tile::kStages - 1);
        const uint32_t a_at =
            base + static_cast<uint32_t>(slice % Tile::kStages * Tile::kStageBytes);
        const uint32_t b_at = a_at + Tile::kTokens * kRowBytes;
#pragma unroll
        for (int step = 0; step < kSlice / 16; ++step) {
            uint32_t a[kM][4], b[kN / 2][4];
#pragma unroll
            for (int i = 0; i < kM; ++i)
                load_matrices(a[i],
                              a_at + swizzled(warp_row + 16 * i + lane % 16, 2 * step + lane / 16));
#pragma unroll
            for (int j = 0; j < kN / 2; ++j)
                load_matrices(b[j], b_at + swizzled(warp_col + 16 * j + lane % 8 + lane / 16 * 8,
                                                    2 * step + lane / 8 % 2));
#pragma unroll
            for (int i = 0; i < kM; ++i)
#pragma unroll
                for (int j = 0; j < kN; ++j)
                    mma(T{}, sum[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
        }
    }

#pragma unroll
    for (int i = 0; i < kM; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const int64_t row = first + warp_row + 16 * i + 8 * half + lane / 4;
            if (row >= n) continue;
#pragma unroll
            for (int j = 0; j < kN; ++j)
#pragma unroll
                for (int c = 0; c < 2; ++c) {
                    const int64_t col = first_out + warp_col + 8 * j + lane % 4 * 2 + c;
                    if (col < m) out.row(row)[col] = narrow<T>(sum[i][j][2 * half + c]);
                }
        }
}

template <class T, class Tile>
Status launch_mma(const LinearArgs& a) {
    const int64_t n = a.x.dims[0], k = a.x.dims[1], m = a.weight.dims[0];
    const auto kernel = linear_mma_kernel<T, Tile>;
    AFS_CUDA_TRY(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      Tile::kSharedBytes));
    const dim3 grid(static_cast<unsigned>((m + Tile::kOutputs - 1) / Tile::kOutputs),
                    static_cast<unsigned>((n + Tile::kTokens - 1) / Tile::kTokens));
    return launch({grid, Tile::kThreads, Tile::kSharedBytes, a.stream}, kernel,
                  rows_of<const T>(a.x), rows_of<const T>(a.weight), rows_of<T>(a.out), n, m, k);
}

template <class T>
Status choose(const LinearArgs& a) {
    if (a.x.dims[0] <= 16) return launch_mma<T, Tile<16, 64, 16, 16, 6>>(a);
    if (a.x.dims[0] <= 64) return launch_mma<T, Tile<64, 64, 32, 32, 4>>(a);
    return launch_mma<T, Tile<128, 128, 64, 32, 3>>(a);
}

}  // namespace

bool linear_mma_fits(const LinearArgs& a) {
    const bool narrow = a.x.dtype == AFS_BF16 || a.x.dtype == AFS_F16;
    return narrow && a.weight.dtype == a.x.dtype && a.out.dtype == a.x.dtype && is_wide(a.x) &&
           is_wide(a.weight);
}

Status linear_mma(const LinearArgs& a) {
    return a.x.dtype == AFS_BF16 ? choose<bf16>(a) : choose<f16>(a);
}

}  // namespace afs::cuda
