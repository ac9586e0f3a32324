// One thread brings stages of 128 rows of weights and kTokens rows of x, 64 columns each, into a
// ring; two warpgroups multiply, 64 rows each. The weights are the products' rows and the tokens
// their columns, so that a few tokens waste little; sums are transposed on their way out.
//
// Blocks either take whole tiles in turn, or with `split` equal stretches of all tiles' stages in
// order (stream-K): then a tile's sum is that of its first block and of the others, added in order.
// Bound by the weights' bytes up to about 200 tokens, by the tensor cores beyond.
#pragma once
#include "device/launch.hpp"
#include "kernels/overlap.cuh"
#include "product/store.cuh"

namespace afs::cuda {
namespace product {

// The large tile's sums need more registers than an even share: there the thread that copies is of
// a third warpgroup, which can give its own away.
__host__ __device__ constexpr bool moves_registers(int tile_tokens) {
    return tile_tokens > 128;
}
__host__ __device__ constexpr int threads_of(int tile_tokens) {
    return kGroups * kGroupThreads + (moves_registers(tile_tokens) ? kGroupThreads : 32);
}

struct Barriers {
    uint64_t full[kMaxDepth], empty[kMaxDepth];
};

template <int kTokens>
__device__ void copy_stages(const Product& p, const Tiles<kTokens>& tiles, uint32_t stages,
                            uint32_t full, uint32_t empty) {
    constexpr int kStageBytes = stage_bytes(kTokens);
    const int k_stages = (p.columns + kStageColumns - 1) / kStageColumns;
    const auto copy_weights = [&](const Place& at, int k, int slot) {
        const uint32_t to = stages + slot * kStageBytes;
        barrier_expect(full + 8 * slot, kStageBytes);
        const CUtensorMap &first = p.weights[at.weight], &second = p.gated ? p.weights[1] : first;
        copy_box(to, first, k * kStageColumns, at.row, full + 8 * slot);
        copy_box(to + kGroupBytes, second, k * kStageColumns, at.row + (p.gated ? 0 : kGroupRows),
                 full + 8 * slot);
    };
    const auto copy_tokens = [&](const Place& at, int k, int slot) {
        copy_box(stages + slot * kStageBytes + kGroups * kGroupBytes, p.x, k * kStageColumns,
                 at.token, full + 8 * slot);
    };
    // Weights wait for nobody; x is what the kernel before makes.
    Walk ahead(p, tiles.row_tiles * tiles.token_tiles, k_stages), walk = ahead;
    Piece piece;
    int early = 0;
    while (early < p.depth && ahead.next(piece))
        for (int k = piece.begin; k < piece.end && early < p.depth; ++k)
            copy_weights(tiles.place(p, piece.tile), k, early++);
    wait_for_previous();
    RingPlace to = {0, 1}, landed;  // a slot is empty at first: as if the phase before were over
    int asked = 0;
    while (walk.next(piece)) {
        const Place at = tiles.place(p, piece.tile);
        for (int k = piece.begin; k < piece.end; ++k) {
            barrier_wait(empty + 8 * to.slot, to.parity);
            if (asked >= p.in_flight) {
                if (asked >= early) barrier_wait(full + 8 * landed.slot, landed.parity);
                landed.next(p.depth);
            }
            if (asked++ >= early) copy_weights(at, k, to.slot);
            copy_tokens(at, k, to.slot);
            to.next(p.depth);
        }
    }
}

// What a warpgroup makes of the block's pieces.
template <class T, int kTokens>
__device__ void make_tiles(const Product& p, uint32_t stages, char* buffers, uint32_t full,
                           uint32_t empty, int group) {
    const Tiles<kTokens> tiles(p);
    const int n_tiles = tiles.row_tiles * tiles.token_tiles;
    const int k_stages = (p.columns + kStageColumns - 1) / kStageColumns;
    wait_for_previous();
    const auto wait = [full](const RingPlace& at) { barrier_wait(full + 8 * at.slot, at.parity); };
    RingPlace place;
    Walk walk(p, n_tiles, k_stages);
    Piece piece;
    while (walk.next(piece)) {
        float sum[kTokens / 2];
        multiply_piece<T, kTokens>(p.depth, piece, stages, wait, empty, group, place, sum);
        if (piece.begin > 0) {
            leave_partial<kTokens>(p, group, sum);
            continue;
        }
        if (piece.end < k_stages) {
            const int first = static_cast<int>(blockIdx.x) + 1;
            take_partials<kTokens>(p, first, walk.first_after(piece.tile, first, n_tiles), group,
                                   sum);
        }
        const Place at = tiles.place(p, piece.tile);
        if (p.gated)
            store_gated<T, kTokens>(p, at, buffers, group, sum);
        else
            store_tile<T, kTokens>(p, at, buffers + group * buffer_bytes(kTokens), group, sum);
    }
}

__device__ inline void grow_registers() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 240;");
}
__device__ inline void shrink_registers() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 24;");
}

template <class T, int kTokens>
__global__ void __launch_bounds__(threads_of(kTokens), kTokens < 128 ? 2 : 1)
    product_kernel(const __grid_constant__ Product p) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    extern __shared__ __align__(1024) char shared[];
    char* buffers = shared + p.depth * stage_bytes(kTokens);
    auto& barriers = *reinterpret_cast<Barriers*>(buffers + kGroups * buffer_bytes(kTokens));
    const uint32_t full = shared_address(barriers.full), empty = shared_address(barriers.empty);
    if (threadIdx.x == 0) {
        let_next_start();
        prefetch(p.x);
        for (int w = 0; w < kProductWeights; ++w) prefetch(p.weights[w]);
        for (int s = 0; s < p.depth; ++s) {
            barrier_init(full + 8 * s, 1);
            barrier_init(empty + 8 * s, kGroups * kGroupThreads / 32);
        }
        barrier_fence();
    }
    __syncthreads();
    const uint32_t stages = shared_address(shared);
    const int group = static_cast<int>(threadIdx.x) / kGroupThreads;
    if (group == kGroups) {
        if constexpr (moves_registers(kTokens)) shrink_registers();
        if (threadIdx.x % kGroupThreads == 0)
            copy_stages(p, Tiles<kTokens>(p), stages, full, empty);
    } else {
        if constexpr (moves_registers(kTokens)) grow_registers();
        make_tiles<T, kTokens>(p, stages, buffers, full, empty, group);
    }
#endif
}

template <class T, int kTokens>
Status launch_tile(const PreparedProduct& prepared, bool early, cudaStream_t stream) {
    const auto kernel = product_kernel<T, kTokens>;
    AFS_TRY(prefer_shared(kernel, prepared.shared_bytes));
    Launch how = {dim3(static_cast<unsigned>(prepared.blocks)), threads_of(kTokens),
                  static_cast<size_t>(prepared.shared_bytes), stream};
    how.overlaps = early;
    return launch(how, kernel, prepared.product);
}

}  // namespace product

// One for each number of tokens of a tile, in product/instances/.
template <int kTokens>
Status product_launch_tile(const PreparedProduct& prepared, bool early, cudaStream_t stream);

#define AFS_PRODUCT_INSTANCE(tokens)                                                               \
    template <>                                                                                    \
    Status product_launch_tile<tokens>(const PreparedProduct& p, bool early, cudaStream_t s) {     \
        return p.dtype == AFS_BF16 ? product::launch_tile<bf16, tokens>(p, early, s)               \
                                   : product::launch_tile<f16, tokens>(p, early, s);               \
    }

}  // namespace afs::cuda
