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
#include "kernels/ring.cuh"
#include "kernels/swiglu.cuh"
#include "kernels/wgmma.cuh"
#include "product/product.hpp"
#include "product/tile.hpp"

namespace afs::cuda {
namespace product {

constexpr int kGroupThreads = 128, kGroups = 2;
// The large tile's sums need more registers than an even share: there the thread that copies is of
// a third warpgroup, which can give its own away.
__host__ __device__ constexpr bool moves_registers(int tile_tokens) {
    return tile_tokens > 128;
}
__host__ __device__ constexpr int threads_of(int tile_tokens) {
    return kGroups * kGroupThreads + (moves_registers(tile_tokens) ? kGroupThreads : 32);
}
constexpr int kSpanRows = 16;  // row tiles that neighbouring blocks share with their token tiles

struct Barriers {
    uint64_t full[kMaxDepth], empty[kMaxDepth];
};

// One tile's stages begin .. end.
struct Piece {
    int tile, begin, end;
};

// The pieces that a block makes, one after the other.
struct Walk {
    int at, end, step, k_stages;

    __device__ Walk(const Product& p, int tiles, int k_stages_) : k_stages(k_stages_) {
        const int blocks = static_cast<int>(gridDim.x), block = static_cast<int>(blockIdx.x);
        at = block, end = tiles, step = blocks;
        if (p.split) {
            at = begin_of(block, blocks, tiles);
            end = begin_of(block + 1, blocks, tiles);
            step = 0;
        }
    }
    __device__ int begin_of(int block, int blocks, int tiles) const {
        return static_cast<int>(int64_t{tiles} * k_stages * block / blocks);
    }
    // The first block, from `block` on, that has no part of a tile.
    __device__ int first_after(int tile, int block, int tiles) const {
        const int blocks = static_cast<int>(gridDim.x);
        while (block < blocks && begin_of(block, blocks, tiles) < (tile + 1) * k_stages) ++block;
        return block;
    }
    __device__ bool next(Piece& piece) {
        if (at >= end) return false;
        if (step == 0) {
            piece.tile = at / k_stages;
            piece.begin = at % k_stages;
            piece.end = min(k_stages, piece.begin + end - at);
            at += piece.end - piece.begin;
        } else {
            piece = {at, 0, k_stages};
            at += step;
        }
        return true;
    }
};

// What a tile covers: rows of a weight from `row` on, tokens from `token` on.
struct Place {
    int weight = 0, row, token;
};
template <int kTokens>
struct Tiles {
    int row_tiles = 0, token_tiles, tile_rows;

    __device__ explicit Tiles(const Product& p)
        : token_tiles((p.n_tokens + kTokens - 1) / kTokens),
          tile_rows(p.gated ? kGroupRows : kTileRows) {
        for (int w = 0; w < (p.gated ? 1 : kProductWeights); ++w) row_tiles += tiles_of(p, w);
    }
    __device__ int tiles_of(const Product& p, int w) const {
        return (p.rows[w] + tile_rows - 1) / tile_rows;
    }
    // Tiles that run at the same time share rows and tokens: kSpanRows row tiles by as many token
    // tiles as it takes.
    __device__ Place place(const Product& p, int tile) const {
        const int per_span = kSpanRows * token_tiles, span = tile / per_span;
        const int inside = tile % per_span;
        const int rows = min(kSpanRows, row_tiles - span * kSpanRows);
        Place place;
        place.token = inside / rows * kTokens;
        int row = span * kSpanRows + inside % rows;
        for (; place.weight < kProductWeights - 1 && !p.gated; ++place.weight) {
            const int here = tiles_of(p, place.weight);
            if (row < here) break;
            row -= here;
        }
        place.row = row * tile_rows;
        return place;
    }
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

// The threads of one warpgroup.
__device__ inline void sync_group(int group) {
    asm volatile("bar.sync %0, %1;" ::"r"(1 + group), "n"(kGroupThreads) : "memory");
}
// Both.
__device__ inline void sync_groups() {
    asm volatile("bar.sync 3, %0;" ::"n"(kGroups * kGroupThreads) : "memory");
}

template <class T, int kTokens>
__device__ void multiply_piece(const Product& p, const Piece& piece, uint32_t stages, uint32_t full,
                               uint32_t empty, int group, RingPlace& place,
                               float (&sum)[kTokens / 2]) {
    constexpr int kStageBytes = stage_bytes(kTokens);
    const bool tells = threadIdx.x % 32 == 0;
    int before = 0;
    for (int k = piece.begin; k < piece.end; ++k) {
        barrier_wait(full + 8 * place.slot, place.parity);
        const uint32_t at = stages + place.slot * kStageBytes;
        const uint64_t a = matrix_at(at + group * kGroupBytes);
        const uint64_t b = matrix_at(at + kGroups * kGroupBytes);
        products_fence();
#pragma unroll
        for (int step = 0; step < kStageColumns / 16; ++step)
            multiply_wide<T, kTokens>(sum, a + step * kNextColumns, b + step * kNextColumns,
                                      k > piece.begin || step > 0);
        products_commit();
        if (k > piece.begin) {
            products_wait<1>();
            if (tells) barrier_arrive(empty + 8 * before);
        }
        before = place.slot;
        place.next(p.depth);
    }
    products_wait<0>();
    if (tells) barrier_arrive(empty + 8 * before);
}

// A block's sums of part of a tile, for the block that makes its beginning.
template <int kTokens>
__device__ float4* partial_of(const Product& p, int block, int group) {
    return reinterpret_cast<float4*>(p.partial) +
           (int64_t{block} * kGroups + group) * (kTokens / 8) * kGroupThreads +
           threadIdx.x % kGroupThreads;
}
template <int kTokens>
__device__ void leave_partial(const Product& p, int group, const float (&sum)[kTokens / 2]) {
    const auto block = static_cast<int>(blockIdx.x);
    float4* to = partial_of<kTokens>(p, block, group);
#pragma unroll
    for (int i = 0; i < kTokens / 8; ++i)
        __stcg(to + i * kGroupThreads,
               make_float4(sum[4 * i], sum[4 * i + 1], sum[4 * i + 2], sum[4 * i + 3]));
    __threadfence();
    sync_group(group);
    if (threadIdx.x % kGroupThreads == 0)
        asm volatile("st.release.gpu.u32 [%0], %1;" ::"l"(p.flags + block * kGroups + group), "r"(1)
                     : "memory");
}
// Adds those of blocks first .. end, in order.
template <int kTokens>
__device__ void take_partials(const Product& p, int first, int end, int group,
                              float (&sum)[kTokens / 2]) {
    const int thread = static_cast<int>(threadIdx.x) % kGroupThreads;
    for (int block = first + thread; block < end; block += kGroupThreads) {
        uint32_t *flag = p.flags + block * kGroups + group, there = 0;
        for (int tries = 0; !there; ++tries) {  // it was made first of all by a block that runs
            if (tries == 1 << 26) __trap();
            asm volatile("ld.acquire.gpu.u32 %0, [%1];" : "=r"(there) : "l"(flag) : "memory");
        }
        *flag = 0;
    }
    sync_group(group);
#pragma unroll 4
    for (int block = first; block < end; ++block) {
        const float4* from = partial_of<kTokens>(p, block, group);
#pragma unroll
        for (int i = 0; i < kTokens / 8; ++i) {
            const float4 more = __ldcg(from + i * kGroupThreads);
            sum[4 * i] += more.x, sum[4 * i + 1] += more.y;
            sum[4 * i + 2] += more.z, sum[4 * i + 3] += more.w;
        }
    }
}

// 8 tokens x 16 rows of a warp, transposed into rows of 64 elements, one a token, swizzled.
__device__ inline void put_transposed(uint32_t buffer, int token_group, uint32_t low,
                                      uint32_t high) {
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    const int token = token_group * 8 + lane % 8, chunk = warp % 4 * 2 + lane / 8 % 2;
    const uint32_t at = buffer + token * 128 + ((chunk ^ (token % 8)) << 4);
    asm volatile("stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%0], {%1, %2};" ::"r"(at),
                 "r"(low), "r"(high)
                 : "memory");
}

// From this group's buffer, 64 rows by kTokens / 2 tokens, into an output: rows of 64 elements as
// 16 bytes a thread, what lies beyond it left out.
template <class T, int kTokens>
__device__ void store_half(const Product& p, int weight, int row, int token, const char* buffer) {
    constexpr int kChunks = kGroupRows / 8, kAtOnce = kGroupThreads / kChunks;
    const int thread = static_cast<int>(threadIdx.x) % kGroupThreads, chunk = thread % kChunks;
    if (row + chunk * 8 >= p.rows[weight]) return;  // rows are a multiple of 8
    T* const to = static_cast<T*>(p.out[weight]) + row + chunk * 8;
#pragma unroll
    for (int t = thread / kChunks; t < kTokens / 2; t += kAtOnce) {
        if (token + t >= p.n_tokens) return;
        *reinterpret_cast<uint4*>(to + (token + t) * p.out_stride[weight]) =
            *reinterpret_cast<const uint4*>(buffer + t * 128 + ((chunk ^ (t % 8)) << 4));
    }
}

template <class T, int kTokens>
__device__ void store_tile(const Product& p, const Place& at, char* buffer, int group,
                           const float (&sum)[kTokens / 2]) {
    constexpr int kHalf = kTokens / 2;
    const uint32_t shared = shared_address(buffer);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        sync_group(group);  // the buffer is free
#pragma unroll
        for (int j = 0; j < kHalf / 8; ++j) {
            const float* s = sum + (half * kHalf / 8 + j) * 4;
            put_transposed(shared, j, pack<T>(s[0], s[1]), pack<T>(s[2], s[3]));
        }
        sync_group(group);
        store_half<T, kTokens>(p, at.weight, at.row + group * kGroupRows, at.token + half * kHalf,
                               buffer);
    }
}

// Group 0 has the gate's sums and makes the first half of the tokens, group 1 up's and the second.
template <class T, int kTokens>
__device__ void store_gated(const Product& p, const Place& at, char* buffers, int group,
                            const float (&sum)[kTokens / 2]) {
    constexpr int kHalf = kTokens / 2, kPairs = kHalf / 4;  // words of a thread in a half
    constexpr int kBufferBytes = buffer_bytes(kTokens);
    const int thread = static_cast<int>(threadIdx.x) % kGroupThreads;
    uint32_t own[kPairs];
    auto* given = reinterpret_cast<uint32_t*>(buffers + (1 - group) * kBufferBytes) + thread;
    sync_groups();
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
        const uint32_t first = pack<T>(sum[2 * i], sum[2 * i + 1]);
        const uint32_t second = pack<T>(sum[2 * (kPairs + i)], sum[2 * (kPairs + i) + 1]);
        own[i] = group == 0 ? first : second;
        given[i * kGroupThreads] = group == 0 ? second : first;
    }
    sync_groups();
    auto* got = reinterpret_cast<uint32_t*>(buffers + group * kBufferBytes) + thread;
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
        union Pair {
            uint32_t word;
            Pack<T, 2> pack;
        } a, b;
        a.word = own[i], b.word = got[i * kGroupThreads];
#pragma unroll
        for (int e = 0; e < 2; ++e) {
            const T gate = group == 0 ? a.pack.at[e] : b.pack.at[e];
            const T up = group == 0 ? b.pack.at[e] : a.pack.at[e];
            a.pack.at[e] = swiglu(gate, up);
        }
        own[i] = a.word;
    }
    sync_group(group);
    char* const buffer = buffers + group * kBufferBytes;
#pragma unroll
    for (int j = 0; j < kHalf / 8; ++j)
        put_transposed(shared_address(buffer), j, own[2 * j], own[2 * j + 1]);
    sync_group(group);
    store_half<T, kTokens>(p, 0, at.row, at.token + group * kHalf, buffer);
}

// What a warpgroup makes of the block's pieces.
template <class T, int kTokens>
__device__ void make_tiles(const Product& p, uint32_t stages, char* buffers, uint32_t full,
                           uint32_t empty, int group) {
    const Tiles<kTokens> tiles(p);
    const int n_tiles = tiles.row_tiles * tiles.token_tiles;
    const int k_stages = (p.columns + kStageColumns - 1) / kStageColumns;
    wait_for_previous();
    RingPlace place;
    Walk walk(p, n_tiles, k_stages);
    Piece piece;
    while (walk.next(piece)) {
        float sum[kTokens / 2];
        multiply_piece<T, kTokens>(p, piece, stages, full, empty, group, place, sum);
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
