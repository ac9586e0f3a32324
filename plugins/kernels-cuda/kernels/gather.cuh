// out[i] = from[source(i)]: whole rows, converted to the output's dtype where that is another.
#pragma once
#include "device/launch.hpp"
#include "kernels/overlap.cuh"
#include "kernels/rows.cuh"

namespace afs::cuda {

constexpr int kGatherThreads = 128;

// source(i): the row to copy, or -1 where the step names none that exists: the output row is then
// NaN, which no reader overlooks.
template <class F, class T, int kWidth, class Source>
__global__ void gather_kernel(Rows<const F> from, Rows<T> out, int64_t cols, Source source) {
    let_next_start();
    wait_for_previous();
    const int64_t col = (int64_t{blockIdx.y} * kGatherThreads + threadIdx.x) * kWidth;
    if (col >= cols) return;
    const int64_t row = source(blockIdx.x);
    Pack<T, kWidth> to;
    if (row < 0) {
#pragma unroll
        for (int i = 0; i < kWidth; ++i) to.at[i] = narrow<T>(__int_as_float(0x7fffffff));
    } else {
        const Pack<F, kWidth> x = load<kWidth>(from.row(row) + col);
#pragma unroll
        for (int i = 0; i < kWidth; ++i) {
            if constexpr (std::is_same_v<F, T>)
                to.at[i] = x.at[i];  // bit for bit
            else
                to.at[i] = narrow<T>(widen(x.at[i]));
        }
    }
    store<kWidth>(out.row(blockIdx.x) + col, to);
}

template <class F, class T, class Source>
Status gather(const afs_tensor& from, const afs_tensor& out, Source source, afs_stream stream) {
    const int64_t n = out.dims[0], cols = out.dims[1];
    if (n == 0) return {};
    return dispatch_width(is_wide(from) && is_wide(out), [&](auto width) {
        constexpr int kWidth = decltype(width)::value;
        const Launch how = {grid_of_rows(n, cols, kGatherThreads, kWidth), kGatherThreads, 0,
                            static_cast<cudaStream_t>(stream)};
        AFS_TRY(prefer_shared(gather_kernel<F, T, kWidth, Source>, 0));
        return launch(how, gather_kernel<F, T, kWidth, Source>, rows_of<const F>(from),
                      rows_of<T>(out), cols, source);
    });
}

}  // namespace afs::cuda
