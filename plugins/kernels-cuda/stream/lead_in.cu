// What stands before a product of many vectors, a block a row: the sums and norms that a product of
// one vector makes for itself (stream/make_x.cuh). Bound by the rows' bytes.
#include "device/launch.hpp"
#include "kernels/ahead.cuh"
#include "stream/make_x.cuh"

namespace afs::cuda {
namespace {

constexpr uint32_t kAheadBlocks = 64;  // that only ask for the weights of the product after this

template <class T, int kHeld>
__global__ void __launch_bounds__(kMakingThreads)
    lead_in_kernel(StreamInput in, uint32_t n_rows, int32_t columns, T* x, Ahead ahead) {
    __shared__ SumsOfWarps sums;
    let_next_start();
    if (blockIdx.x >= n_rows) {
        wait_for_previous();
        if (threadIdx.x == 0) fetch_ahead(ahead, blockIdx.x - n_rows, gridDim.x - n_rows);
        return;
    }
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
                      void* x, const Ahead& ahead, bool early, cudaStream_t stream) {
    const auto launch_as = [&](auto t, auto held) {
        using T = decltype(t);
        const auto rows = static_cast<uint32_t>(n_rows);
        Launch how = {rows + (ahead.bytes[0] ? kAheadBlocks : 0), kMakingThreads, 0, stream};
        how.overlaps = early;
        return launch(how, lead_in_kernel<T, decltype(held)::value>, input, rows, columns,
                      static_cast<T*>(x), ahead);
    };
    const auto choose = [&](auto t) {
        return columns <= 8 * kFewHeld * kMakingThreads
                   ? launch_as(t, std::integral_constant<int, kFewHeld>{})
                   : launch_as(t, std::integral_constant<int, kMostHeld>{});
    };
    return dtype == AFS_BF16 ? choose(bf16{}) : choose(f16{});
}

}  // namespace afs::cuda
