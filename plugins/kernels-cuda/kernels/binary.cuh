// out[i, j] = f(a[i, j], b[i, j]) over two matrices of one shape and dtype. Bound by bytes: three
// elements of memory an element.
#pragma once
#include "backend.hpp"
#include "device/launch.hpp"
#include "kernels/overlap.cuh"
#include "kernels/rows.cuh"

namespace afs::cuda {

constexpr int kBinaryThreads = 256;

template <class T, int kWidth, class F>
__global__ void binary_kernel(Rows<const T> a, Rows<const T> b, Rows<T> out, int64_t cols, F f) {
    let_next_start();
    wait_for_previous();
    const int64_t col = (int64_t{blockIdx.y} * kBinaryThreads + threadIdx.x) * kWidth;
    if (col >= cols) return;
    const Pack<T, kWidth> x = load<kWidth>(a.row(blockIdx.x) + col);
    const Pack<T, kWidth> y = load<kWidth>(b.row(blockIdx.x) + col);
    Pack<T, kWidth> z;
#pragma unroll
    for (int i = 0; i < kWidth; ++i) z.at[i] = f(x.at[i], y.at[i]);
    store<kWidth>(out.row(blockIdx.x) + col, z);
}

// The run of a node with two inputs.
template <class F>
Status binary(const afs_run& run, const char* name_a, const char* name_b, F f) {
    const afs_tensor &a = run.inputs[0], &b = run.inputs[1], &out = *run.output;
    const int64_t n = out.dims[0], cols = out.dims[1];
    AFS_TRY(check_rows("output", out, kAny, cols));
    AFS_TRY(check_rows(name_a, a, n, cols));
    AFS_TRY(check_rows(name_b, b, n, cols));
    if (n == 0) return {};
    return dispatch(out.dtype, [&](auto t) {
        using T = decltype(t);
        const bool wide = is_wide(a) && is_wide(b) && is_wide(out);
        return dispatch_width(wide, [&](auto width) {
            constexpr int kWidth = decltype(width)::value;
            const Launch how = {grid_of_rows(n, cols, kBinaryThreads, kWidth), kBinaryThreads, 0,
                                static_cast<cudaStream_t>(run.stream)};
            return launch(how, binary_kernel<T, kWidth, F>, rows_of<const T>(a),
                          rows_of<const T>(b), rows_of<T>(out), cols, f);
        });
    });
}

}  // namespace afs::cuda
