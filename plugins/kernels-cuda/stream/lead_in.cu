// What stands before a product of many vectors, a block a row: the sums and norms that a product of
// one vector makes for itself (stream/make_x.cuh). Bound by the rows' bytes.
#include "device/launch.hpp"
#include "stream/make_x.cuh"

namespace afs::cuda {
namespace {

template <class T, int kHeld>
__global__ void __launch_bounds__(kMakingThreads)
    lead_in_kernel(StreamInput in, int32_t columns, T* x) {
    __shared__ SumsOfWarps sums;
    let_next_start();
    const int64_t at = int64_t{blockIdx.x} * columns;
    const auto row = [at](const void* from) {
        return from ? static_cast<const T*>(from) + at : nullptr;
    };
    in.input = row(in.input);
    in.residual = row(in.residual);
    if (in.sum) in.sum = static_cast<T*>(in.sum) + at;
    make_x<T, kHeld>(in, columns, columns, x + at, true, sums);
}

}  // namespace

Status lead_in_launch(const StreamInput& input, int64_t n_rows, int32_t columns, int32_t dtype,
                      void* x, bool early, cudaStream_t stream) {
    const auto launch_as = [&](auto t, auto held) {
        using T = decltype(t);
        Launch how = {static_cast<unsigned>(n_rows), kMakingThreads, 0, stream};
        how.overlaps = early;
        return launch(how, lead_in_kernel<T, decltype(held)::value>, input, columns,
                      static_cast<T*>(x));
    };
    const auto choose = [&](auto t) {
        return columns <= 8 * kFewHeld * kMakingThreads
                   ? launch_as(t, std::integral_constant<int, kFewHeld>{})
                   : launch_as(t, std::integral_constant<int, kMostHeld>{});
    };
    return dtype == AFS_BF16 ? choose(bf16{}) : choose(f16{});
}

}  // namespace afs::cuda
