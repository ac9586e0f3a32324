// linear/1 for any dtypes, shapes and strides. A block makes a 64 x 64 tile of the output from
// 16-column slices of x and weight, widened to fp32 in shared memory; a thread has 4 x 4 sums, each
// of the slices' sums in ascending k: shorter sums than one over all of k err less.
#include "device/launch.hpp"
#include "kernels/overlap.cuh"
#include "kernels/rows.cuh"
#include "ops/linear/linear.hpp"

namespace afs::cuda {
namespace {

constexpr int kTile = 64, kSlice = 16, kPer = 4, kThreads = (kTile / kPer) * (kTile / kPer);

// tile[k][row]: columns k0 .. k0 + kSlice of kTile rows, zeros beyond the matrix.
template <class E>
__device__ void load_slice(float (&tile)[kSlice][kTile + 1], Rows<const E> from, int64_t first,
                           int64_t n, int64_t k0, int64_t k) {
    for (int i = static_cast<int>(threadIdx.x); i < kTile * kSlice; i += kThreads) {
        const int row = i / kSlice, col = i % kSlice;
        const bool inside = first + row < n && k0 + col < k;
        tile[col][row] = inside ? widen(from.row(first + row)[k0 + col]) : 0.0f;
    }
}

template <class T, class W>
__global__ void __launch_bounds__(kThreads)
    linear_any_kernel(Rows<const T> x, Rows<const W> weight, Rows<T> out, int64_t n, int64_t m,
                      int64_t k) {
    __shared__ float tokens[kSlice][kTile + 1], outputs[kSlice][kTile + 1];
    let_next_start();
    wait_for_previous();
    const int64_t first_out = int64_t{blockIdx.x} * kTile, first = int64_t{blockIdx.y} * kTile;
    const int row = static_cast<int>(threadIdx.x) / (kTile / kPer) * kPer;
    const int col = static_cast<int>(threadIdx.x) % (kTile / kPer) * kPer;
    float sum[kPer][kPer] = {};
    for (int64_t k0 = 0; k0 < k; k0 += kSlice) {
        load_slice(tokens, x, first, n, k0, k);
        load_slice(outputs, weight, first_out, m, k0, k);
        __syncthreads();
        float slice[kPer][kPer] = {};
#pragma unroll
        for (int j = 0; j < kSlice; ++j)
#pragma unroll
            for (int a = 0; a < kPer; ++a)
#pragma unroll
                for (int b = 0; b < kPer; ++b)
                    slice[a][b] += tokens[j][row + a] * outputs[j][col + b];
#pragma unroll
        for (int a = 0; a < kPer; ++a)
#pragma unroll
            for (int b = 0; b < kPer; ++b) sum[a][b] += slice[a][b];
        __syncthreads();
    }
    for (int a = 0; a < kPer; ++a)
        for (int b = 0; b < kPer; ++b)
            if (first + row + a < n && first_out + col + b < m)
                out.row(first + row + a)[first_out + col + b] = narrow<T>(sum[a][b]);
}

}  // namespace

Status linear_any(const LinearArgs& a) {
    const int64_t n = a.x.dims[0], k = a.x.dims[1], m = a.weight.dims[0];
    const dim3 grid(static_cast<unsigned>((m + kTile - 1) / kTile),
                    static_cast<unsigned>((n + kTile - 1) / kTile));
    return dispatch(a.out.dtype, [&](auto t) {
        return dispatch(a.weight.dtype, [&](auto stored) {
            using T = decltype(t);
            using W = decltype(stored);
            return launch({grid, kThreads, 0, a.stream}, linear_any_kernel<T, W>,
                          rows_of<const T>(a.x), rows_of<const W>(a.weight), rows_of<T>(a.out), n,
                          m, k);
        });
    });
}

}  // namespace afs::cuda
