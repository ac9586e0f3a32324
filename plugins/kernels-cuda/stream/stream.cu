// One thread of a block asks the copy engine for pages (8 rows x 1024 columns, 16 KiB) as long as
// the ring has room; eight warps multiply them. Bound by the weights' bytes.
//
// Measured on an H200 (docs/PERFORMANCE.md): what counts is how many bytes are on their way, which
// is limited apart from the ring's depth (a longer queue only delays the vector's own loads), that
// one copy instruction brings a whole page, and that the next launch fills its ring while this one
// still works.
// Sums of a row: over a warp's columns in the accumulators (stream/multiply.cuh), then over the
// eight warps in shared memory, always in the same order.
#include "device/launch.hpp"
#include "kernels/overlap.cuh"
#include "stream/make_x.cuh"
#include "stream/multiply.cuh"
#include "stream/stream.hpp"

namespace afs::cuda {
namespace {

// The warps of make_x multiply; one more copies.
constexpr int kThreads = kMakingThreads;
constexpr int kMaxDepth = 8, kTeams = 1;

struct Small {  // what a block keeps beside pages and x
    uint64_t full[kMaxDepth], empty[kMaxDepth];
    GroupSums sums;
    SumsOfWarps of_warp;
};

// The groups of 8 rows that a block multiplies, one after the other: gated, gate and up in turn.
struct Share {
    int first, end;  // units: groups, or pairs of groups

    __device__ explicit Share(const WeightShape& shape) {
        const int units = shape.units();
        const int blocks = static_cast<int>(gridDim.x), block = static_cast<int>(blockIdx.x);
        first = static_cast<int>(int64_t{units} * block / blocks);
        end = static_cast<int>(int64_t{units} * (block + 1) / blocks);
    }
};

__device__ void copy_pages(const StreamProduct& p, const WeightShape& shape, const Share& share,
                           const StreamRing& ring) {
    PageCopies copies(ring, p.in_flight);
    for (int unit = share.first; unit < share.end; ++unit) copies.ask(p.weights, shape, unit);
}

// With up to 64 registers two blocks fit on an SM beside one of attention
// (ops/attention/decode.cu).
template <class T, int kHeld>
__global__ void __maxnreg__(kHeld == kFewHeld ? 64 : 72)
    stream_kernel(const __grid_constant__ StreamProduct p) {
#if __CUDA_ARCH__ >= 900
    extern __shared__ __align__(1024) char shared[];
    const WeightShape shape(p);
    const int padded = shape.padded_columns();
    T* x = reinterpret_cast<T*>(shared + p.depth * kPageBytes);
    Small& small = *reinterpret_cast<Small*>(shared + p.depth * kPageBytes + padded * 2);
    const StreamRing ring(shared, small.full, small.empty, p.depth);
    if (threadIdx.x == 0) {
        let_next_start();
        ring.init(kTeams);
    }
    __syncthreads();
    const Share share(shape);
    if (threadIdx.x >= kThreads) {  // weights wait for nobody
        if (threadIdx.x == kThreads) copy_pages(p, shape, share, ring);
        return;
    }
    Held<T, kHeld> residual;
    make_x<T, kHeld>(p.input, p.columns, padded, x, blockIdx.x == 0, small.of_warp,
                     FromMemory<T>(p.input), residual);
    PageTurns<kTeams> turns(ring.depth);
    multiply_units<T, kTeams>(ring, shape, share.first, share.end, x, turns, small.sums,
                              [&p](int w, int row, T result, bool) {
                                  if (threadIdx.x % 32 < kPageRows && row < p.rows[w])
                                      static_cast<T*>(p.out[w])[row] = result;
                              });
#endif
}

int shared_bytes(const StreamProduct& p) {
    return p.depth * kPageBytes + WeightShape(p).padded_columns() * 2 +
           static_cast<int>(sizeof(Small));
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
    const int units = WeightShape(product).units();
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
