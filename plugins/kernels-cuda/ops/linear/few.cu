// linear/1 for few tokens: a warp makes one output of kTokens tokens. Bound by the bytes of the
// weight, which is read once for kTokens tokens, past the L1 cache.
#include "device/launch.hpp"
#include "kernels/overlap.cuh"
#include "kernels/reduce.cuh"
#include "kernels/rows.cuh"
#include "kernels/stream_load.cuh"
#include "ops/linear/linear.hpp"

namespace afs::cuda {
namespace {

constexpr int kWarps = 8, kTokens = 4;

template <class T, class W, int kRows>
__global__ void __launch_bounds__(32 * kWarps)
    linear_few_kernel(Rows<const T> x, Rows<const W> weight, Rows<T> out, int64_t n, int64_t m,
                      int64_t k) {
    let_next_start();
    wait_for_previous();
    const int64_t output = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
    const int64_t first = int64_t{blockIdx.y} * kRows;
    if (output >= m) return;
    const W* w = weight.row(output);
    float sum[kRows] = {};
#pragma unroll 4
    for (int64_t j = threadIdx.x % 32 * kWide; j < k; j += 32 * kWide) {
        const auto pieces = stream_load<kWide>(w + j);
#pragma unroll
        for (int t = 0; t < kRows; ++t) {
            const auto from = load<kWide>(x.row(min(first + t, n - 1)) + j);
#pragma unroll
            for (int i = 0; i < kWide; ++i)
                sum[t] = fmaf(widen(from.at[i]), widen(pieces.at[i]), sum[t]);
        }
    }
#pragma unroll
    for (int t = 0; t < kRows; ++t) {
        const float total = warp_sum(sum[t]);
        if (threadIdx.x % 32 == 0 && first + t < n) out.row(first + t)[output] = narrow<T>(total);
    }
}

}  // namespace

bool linear_few_fits(const LinearArgs& a) {
    return is_wide(a.x) && is_wide(a.weight);
}

Status linear_few(const LinearArgs& a) {
    const int64_t n = a.x.dims[0], k = a.x.dims[1], m = a.weight.dims[0];
    return dispatch(a.out.dtype, [&](auto t) {
        return dispatch(a.weight.dtype, [&](auto stored) {
            using T = decltype(t);
            using W = decltype(stored);
            const auto launch = [&](auto rows) {
                constexpr int kRows = decltype(rows)::value;
                const dim3 grid(static_cast<unsigned>((m + kWarps - 1) / kWarps),
                                static_cast<unsigned>((n + kRows - 1) / kRows));
                return cuda::launch({grid, 32 * kWarps, 0, a.stream},
                                    linear_few_kernel<T, W, kRows>, rows_of<const T>(a.x),
                                    rows_of<const W>(a.weight), rows_of<T>(a.out), n, m, k);
            };
            return n == 1 ? launch(std::integral_constant<int, 1>{})
                          : launch(std::integral_constant<int, kTokens>{});
        });
    });
}

}  // namespace afs::cuda
