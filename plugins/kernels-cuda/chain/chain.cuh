// The kernel of a chain: one block an SM, all at the same time. Two warpgroups multiply as in
// product.cuh, every product divided between all blocks (stream-K). Of a third warpgroup, warp 0
// asks for weights, of all links in order, as far as the ring has room: it waits for nobody. Warp 1
// asks for x, of a link as soon as every block is through with the one before, and warp 2 makes the
// rows' 1 / RMS meanwhile.
//
// A link's results are written by stores and read by the copy engine of other SMs, which the reader
// fences towards.
#pragma once
#include "chain/chain.hpp"
#include "device/launch.hpp"
#include "kernels/overlap.cuh"
#include "product/store.cuh"

namespace afs::cuda {
namespace chain {

using namespace product;

constexpr int kThreads = (kGroups + 1) * kGroupThreads;
constexpr int kRegisters = 112;  // a block of attention (ops/attention/decode.cu) fits beside

template <int kTokens>
struct Barriers {
    uint64_t weights[kMaxDepth], x[kMaxDepth], empty[kMaxDepth];
    uint64_t entered;
    float r[kTokens];  // 1 / RMS of a link's rows
};

// The addresses of its barriers.
struct Ring {
    uint32_t stages, weights, x, empty, entered;
};

// Every block is through with a link, and what they wrote can be read, by copies too.
__device__ inline void wait_for_link(const uint32_t* done) {
    const uint32_t all = kGroups * gridDim.x;
    uint32_t there = 0;
    for (int tries = 0; there < all; ++tries) {
        if (tries == 1 << 26) __trap();
        asm volatile("ld.acquire.gpu.u32 %0, [%1];" : "=r"(there) : "l"(done) : "memory");
    }
    asm volatile("fence.proxy.async.global;" ::: "memory");
}
// By the threads of a warpgroup. Their stores are in order before the one thread's release: a fence
// of every thread would wait for the copies on their way (4 us).
__device__ inline void leave_link(uint32_t* done, int group) {
    sync_group(group);
    if (threadIdx.x % kGroupThreads == 0)
        asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(done) : "memory");
}

template <int kTokens>
struct Pieces {
    Tiles<kTokens> tiles;
    int k_stages;
    Walk walk;

    __device__ explicit Pieces(const Product& p)
        : tiles(p),
          k_stages((p.columns + kStageColumns - 1) / kStageColumns),
          walk(p, tiles.row_tiles, k_stages) {}
};

// By a warp.
__device__ inline void prefetch_maps(const Chain& c) {
    constexpr int kMaps = kProductWeights + 1;
    const int lane = static_cast<int>(threadIdx.x) % 32, l = lane / kMaps, w = lane % kMaps;
    if (l >= c.n_links) return;
    const Product& p = c.links[l].product;
    if (w == kProductWeights || p.rows[w]) prefetch(w == kProductWeights ? p.x : p.weights[w]);
}

template <int kTokens>
__device__ void copy_weights(const Chain& c, const Ring& ring) {
    const uint64_t policy = read_once();
    RingPlace to = {0, 1}, landed;
    int asked = 0;
    for (int l = 0; l < c.n_links; ++l) {
        const Product& p = c.links[l].product;
        Pieces<kTokens> pieces(p);
        Piece piece;
        while (pieces.walk.next(piece)) {
            const Place at = pieces.tiles.place(p, piece.tile);
            const CUtensorMap& first = p.weights[at.weight];
            const CUtensorMap& second = p.gated ? p.weights[1] : first;
            const int second_row = at.row + (p.gated ? 0 : kGroupRows);
            for (int k = piece.begin; k < piece.end; ++k) {
                barrier_wait(ring.empty + 8 * to.slot, to.parity);
                if (asked++ >= c.in_flight) {
                    barrier_wait(ring.weights + 8 * landed.slot, landed.parity);
                    landed.next(c.depth);
                }
                const uint32_t stage = ring.stages + to.slot * stage_bytes(kTokens);
                const uint32_t barrier = ring.weights + 8 * to.slot;
                barrier_expect(barrier, kGroups * kGroupBytes);
                copy_box_once(stage, first, k * kStageColumns, at.row, barrier, policy);
                copy_box_once(stage + kGroupBytes, second, k * kStageColumns, second_row, barrier,
                              policy);
                to.next(c.depth);
            }
        }
    }
}

template <int kTokens>
__device__ void copy_x(const Chain& c, const Ring& ring) {
    RingPlace to = {0, 1};
    for (int l = 0; l < c.n_links; ++l) {
        const Product& p = c.links[l].product;
        Pieces<kTokens> pieces(p);
        Piece piece;
        if (l > 0) wait_for_link(c.done + l - 1);
        while (pieces.walk.next(piece))
            for (int k = piece.begin; k < piece.end; ++k) {
                barrier_wait(ring.empty + 8 * to.slot, to.parity);
                const uint32_t stage = ring.stages + to.slot * stage_bytes(kTokens);
                const uint32_t barrier = ring.x + 8 * to.slot;
                barrier_expect(barrier, stage_bytes(kTokens) - kGroups * kGroupBytes);
                copy_box(stage + kGroups * kGroupBytes, p.x, k * kStageColumns, 0, barrier);
                to.next(c.depth);
            }
    }
}

// A lane a row, or two.
template <int kTokens>
__device__ void make_r(const Chain& c, const Ring& ring, float* r) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    for (int l = 0; l < c.n_links; ++l) {
        const Link& link = c.links[l];
        if (l > 0) wait_for_link(c.done + l - 1);
        if (link.squares) {
            const int parts = (link.product.columns + kGroupRows - 1) / kGroupRows;
            for (int t = lane; t < kTokens; t += 32) {
                const bool there = t < link.product.n_tokens;
                float sum = 0;
#pragma unroll 16
                for (int i = 0; i < parts; ++i)
                    sum += there ? __ldcg(link.squares + i * kChainTokens + t) : 0;
                r[t] = 1.0f / sqrtf(sum / static_cast<float>(link.product.columns) + link.eps);
            }
        }
        __syncwarp();
        if (lane == 0) barrier_arrive(ring.entered);
    }
}

// The columns of a tile's sums are tokens.
template <int kTokens>
__device__ void scale(float (&sum)[kTokens / 2], const float* r) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int j = 0; j < kTokens / 8; ++j) {
        const float2 both = *reinterpret_cast<const float2*>(r + 8 * j + lane % 4 * 2);
        sum[4 * j] *= both.x, sum[4 * j + 1] *= both.y;
        sum[4 * j + 2] *= both.x, sum[4 * j + 3] *= both.y;
    }
}

// A warpgroup's 64 rows of a tile into the residual stream: eight neighbouring threads have a
// token's 64 elements.
template <class T, int kTokens>
__device__ void enter(const Link& link, int row, char* buffer, int group,
                      const float (&sum)[kTokens / 2]) {
    constexpr int kChunks = kGroupRows / 8, kAtOnce = kGroupThreads / kChunks;
    constexpr int kRound = round_tokens(kTokens);
    const Product& p = link.product;
    const Entering& e = link.entering;
    const int thread = static_cast<int>(threadIdx.x) % kGroupThreads, chunk = thread % kChunks;
    const int64_t rows = p.rows[0], at = row + chunk * 8;
    const bool inside = at < rows;
    uint4 weight = {};
    if (inside)
        weight = __ldg(reinterpret_cast<const uint4*>(static_cast<const T*>(e.norm_weight) + at));
#pragma unroll
    for (int round = 0; round < rounds_of(kTokens); ++round) {
        put_round<T, kTokens>(buffer, group, round, sum);
#pragma unroll
        for (int first = 0; first < kRound; first += kAtOnce) {
            const int t = first + thread / kChunks, token = round * kRound + t;
            const bool there = inside && t < kRound && token < p.n_tokens;
            float squares = 0;
            if (there) {
                const int64_t element = token * rows + at;
                float x[8], y[8];
                unpack<T>(
                    *reinterpret_cast<const uint4*>(buffer + t * 128 + ((chunk ^ (t % 8)) << 4)),
                    x);
                unpack<T>(fresh_load16(static_cast<const T*>(e.residual) + element), y);
#pragma unroll
                for (int i = 0; i < 8; ++i) x[i] += y[i];
                const uint4 rounded = pack<T>(x);
                *reinterpret_cast<uint4*>(static_cast<T*>(e.sum) + element) = rounded;
                unpack<T>(rounded, x);
                unpack<T>(weight, y);
#pragma unroll
                for (int i = 0; i < 8; ++i) squares += x[i] * x[i], x[i] *= y[i];
                *reinterpret_cast<uint4*>(static_cast<T*>(e.next) + element) = pack<T>(x);
            }
#pragma unroll
            for (int lanes = kChunks / 2; lanes > 0; lanes /= 2)
                squares += __shfl_xor_sync(~0u, squares, lanes);
            if (chunk == 0 && there) e.squares[row / kGroupRows * kChainTokens + token] = squares;
        }
    }
}

template <class T, int kTokens>
__device__ void make_links(const Chain& c, const Ring& ring, char* buffers, const float* r,
                           int group) {
    const auto wait = [&ring](const RingPlace& at) {
        barrier_wait(ring.weights + 8 * at.slot, at.parity);
        barrier_wait(ring.x + 8 * at.slot, at.parity);
    };
    wait_for_previous();
    RingPlace place;
    for (int l = 0; l < c.n_links; ++l) {
        const Link& link = c.links[l];
        const Product& p = link.product;
        Pieces<kTokens> pieces(p);
        Piece piece;
        bool entered = false;  // once a link: every block's warps keep step with the barrier
        const auto once = [&] {
            if (!entered) barrier_wait(ring.entered, l % 2);
            entered = true;
        };
        while (pieces.walk.next(piece)) {
            float sum[kTokens / 2];
            multiply_piece<T, kTokens>(c.depth, piece, ring.stages, wait, ring.empty, group, place,
                                       sum);
            once();
            if (piece.begin > 0) {
                leave_partial<kTokens>(p, group, sum);
                continue;
            }
            if (piece.end < pieces.k_stages) {
                const int first = static_cast<int>(blockIdx.x) + 1;
                take_partials<kTokens>(
                    p, first, pieces.walk.first_after(piece.tile, first, pieces.tiles.row_tiles),
                    group, sum);
            }
            const Place at = pieces.tiles.place(p, piece.tile);
            char* const buffer = buffers + group * buffer_bytes(kTokens);
            if (link.squares) scale<kTokens>(sum, r);
            if (p.gated)
                store_gated<T, kTokens>(p, at, buffers, group, sum);
            else if (link.entering.residual)
                enter<T, kTokens>(link, at.row + group * kGroupRows, buffer, group, sum);
            else
                store_tile<T, kTokens>(p, at, buffer, group, sum);
        }
        once();
        if (l + 1 < c.n_links) leave_link(c.done + l, group);
    }
}

template <class T, int kTokens>
__global__ void __maxnreg__(kRegisters) chain_kernel(const __grid_constant__ Chain c) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    extern __shared__ __align__(1024) char shared[];
    char* buffers = shared + c.depth * stage_bytes(kTokens);
    auto& barriers =
        *reinterpret_cast<Barriers<kTokens>*>(buffers + kGroups * buffer_bytes(kTokens));
    const Ring ring = {shared_address(shared), shared_address(barriers.weights),
                       shared_address(barriers.x), shared_address(barriers.empty),
                       shared_address(&barriers.entered)};
    if (threadIdx.x == 0) {
        let_next_start();
        for (int s = 0; s < c.depth; ++s) {
            barrier_init(ring.weights + 8 * s, 1);
            barrier_init(ring.x + 8 * s, 1);
            barrier_init(ring.empty + 8 * s, kGroups * kGroupThreads / 32);
        }
        barrier_init(ring.entered, 1);
        barrier_fence();
    }
    __syncthreads();
    const int group = static_cast<int>(threadIdx.x) / kGroupThreads;
    const int warp = static_cast<int>(threadIdx.x) % kGroupThreads / 32;
    if (group < kGroups) {
        make_links<T, kTokens>(c, ring, buffers, barriers.r, group);
    } else if (warp == 0) {
        if (threadIdx.x % 32 == 0) copy_weights<kTokens>(c, ring);
    } else if (warp == 1) {
        wait_for_previous();
        if (threadIdx.x % 32 == 0) copy_x<kTokens>(c, ring);
    } else if (warp == 2) {
        wait_for_previous();
        make_r<kTokens>(c, ring, barriers.r);
    } else {
        prefetch_maps(c);
    }
    __syncthreads();
    // The last block to leave makes the counters ready for the next launch.
    if (threadIdx.x == 0 && atomicAdd(c.done + kMaxLinks, 1) == gridDim.x - 1)
        for (int l = 0; l <= kMaxLinks; ++l) c.done[l] = 0;
#endif
}

}  // namespace chain

// One for each number of tokens of a tile, in chain/instances/.
template <int kTokens>
Status chain_launch_tile(const PreparedChain& prepared, bool early, cudaStream_t stream);

#define AFS_CHAIN_INSTANCE(tokens)                                                                 \
    template <>                                                                                    \
    Status chain_launch_tile<tokens>(const PreparedChain& p, bool early, cudaStream_t stream) {    \
        const auto kernel = chain::chain_kernel<bf16, tokens>;                                     \
        AFS_TRY(prefer_shared(kernel, p.shared_bytes));                                            \
        Launch how = {dim3(static_cast<unsigned>(p.blocks)), chain::kThreads,                      \
                      static_cast<size_t>(p.shared_bytes), stream};                                \
        how.overlaps = early;                                                                      \
        return launch(how, kernel, p.chain);                                                       \
    }

}  // namespace afs::cuda
