// One thread of a block asks the copy engine for pages (8 rows x 1024 columns, 16 KiB) as long as
// the ring has room; eight warps multiply them (stream/multiply.cuh). Bound by the weights' bytes.
//
// Measured on an H200 (docs/PERFORMANCE.md): what counts is how many bytes are on their way, which
// is limited apart from the ring's depth, that one copy instruction brings a whole page, and that
// the next launch fills its ring between this one's last page and its own vector.
#include "device/launch.hpp"
#include "kernels/swiglu.cuh"
#include "stream/multiply.cuh"
#include "stream/stream.hpp"

namespace afs::cuda {
namespace {

// The warps of make_x multiply; one more copies.
constexpr int kThreads = kMakingThreads;

// Which weight a group belongs to; group becomes its number within that weight.
__device__ int weight_of(const StreamProduct& p, int& group) {
    for (int w = 0;; ++w) {
        const int groups = (p.rows[w] + kPageRows - 1) / kPageRows;
        if (w == kStreamWeights - 1 || group < groups) return w;
        group -= groups;
    }
}

// The groups of 8 rows that a block multiplies, one after the other; gated, gate and up in turn.
// All blocks together go through the weights from front to back.
struct Share {
    int n = 0;  // units: groups, or pairs of groups

    __device__ explicit Share(const StreamProduct& p) {
        int units = 0;
        for (int w = 0; w < (p.gated ? 1 : kStreamWeights); ++w)
            units += (p.rows[w] + kPageRows - 1) / kPageRows;
        const int block = static_cast<int>(blockIdx.x), blocks = static_cast<int>(gridDim.x);
        if (block < units) n = (units - block + blocks - 1) / blocks;
    }
    __device__ static int unit(int i) {
        return static_cast<int>(blockIdx.x) + i * static_cast<int>(gridDim.x);
    }
};

template <class T>
__device__ void multiply(const StreamProduct& p, const Share& share, Multiplying<T>& multiplying) {
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll 1
    for (int i = 0; i < share.n; ++i) {
        const int unit = Share::unit(i), writer = unit % kStreamWarps;
        int group = unit;
        const int w = p.gated ? 0 : weight_of(p, group);
        T result = narrow<T>(multiplying.sums(writer));
        if (p.gated) {
            const float up = multiplying.sums(writer);
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
    const int padded = padded_columns(p.columns);
    T* x = reinterpret_cast<T*>(shared + p.depth * kPageBytes);
    StreamShared& small = *reinterpret_cast<StreamShared*>(x + padded);
    const StreamRing ring = {shared_address(shared), shared_address(small.full),
                             shared_address(small.empty), p.depth, p.in_flight};
    if (threadIdx.x == 0) {
        let_next_start();
        ring.init();
        barrier_fence();
    }
    __syncthreads();
    const Share share(p);
    if (threadIdx.x >= kThreads) {  // weights wait for nobody
        const int of_group = padded / kPageColumns;
        if (threadIdx.x == kThreads)
            copy_pages(p, ring, share.n * (p.gated ? 2 : 1) * of_group, [&](int i) -> Page {
                const int nth = i / of_group, page = i % of_group;
                if (p.gated) return {nth % 2, Share::unit(nth / 2), page};
                int group = Share::unit(nth);
                const int w = weight_of(p, group);
                return {w, group, page};
            });
        return;
    }
    Multiplying<T> multiplying(ring, shared, x, p.columns, small);
    make_x<T, kHeld>(p.input, p.columns, padded, x, blockIdx.x == 0, small.of_warp);
    multiply(p, share, multiplying);
#endif
}

int shared_bytes(const StreamProduct& p) {
    return p.depth * kPageBytes + padded_columns(p.columns) * 2 +
           static_cast<int>(sizeof(StreamShared));
}

}  // namespace

void stream_ring(StreamProduct& product, bool beside_attention, int32_t in_flight) {
    product.depth = 0;
    const int limit = beside_attention ? kStreamSharedBesideAttention : kStreamSharedBytes;
    const int room = limit - shared_bytes(product);
    product.depth = room / kPageBytes < kMaxPages ? room / kPageBytes : kMaxPages;
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
