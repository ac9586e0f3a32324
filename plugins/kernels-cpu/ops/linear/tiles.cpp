#include "ops/linear/tiles.hpp"

#include <algorithm>
#include <cstring>

#include "afs/numeric.hpp"

namespace afs::cpu {
namespace {

constexpr size_t kRowsAtOnce = 512;  // of x; their tasks read the same weights side by side
// Of a task: a part of its x, the sums of its blocks and the parts of two blocks, as tiles, stay in
// the core's second cache.
constexpr size_t kRowBlock = 256, kMostBlocks = 8;
constexpr size_t kTasks = 4;  // of a thread, where there is enough for all

constexpr size_t kSums = kMostBlocks * kRowBlock * kColumns;
constexpr size_t kTiles = kTilePart * kColumns;  // weights

size_t thread_bytes(const Packed& packed) {
    return kSums * sizeof(float) + 2 * kTiles * sizeof(bf16) + packed.block_bytes;
}

// What the tasks of one call share.
struct Product {
    const Kernels& kernels;
    const Packed& packed;
    const afs_tensor &weight, &out;
    const TileWeightsFunctions& weights;
    char* x;  // bf16 in tiles: [depth / kTilePart][rows / 16][kTilePart / 32][16][32]
    size_t first_row, rows, padded_rows;  // of out; of x
    size_t row_block, blocks;             // of a task
    bool plain;                           // the weight is packed on the way

    size_t n_row_blocks() const { return (rows + row_block - 1) / row_block; }
    size_t n_tasks() const { return n_row_blocks() * ((packed.n_blocks + blocks - 1) / blocks); }

    void copy_row(const afs_tensor& x_rows, size_t row) const;
    void run_task(size_t task, char* scratch) const;
    void store(const float* sums, size_t row, size_t n_rows, size_t column) const;
};

// A row of x to its lines of tiles, padded with zeros.
void Product::copy_row(const afs_tensor& x_rows, size_t row) const {
    constexpr size_t line = kDepth * sizeof(bf16);
    const size_t width = static_cast<size_t>(x_rows.dims[1]) * sizeof(bf16);
    const auto* from = static_cast<const char*>(x_rows.data) +
                       static_cast<ptrdiff_t>(first_row + row) * x_rows.strides[0] *
                           static_cast<ptrdiff_t>(sizeof(bf16));
    for (size_t begin = 0; begin < packed.padded_depth; begin += kTilePart) {
        const size_t depth = std::min(kTilePart, packed.padded_depth - begin);
        char* to = x + (begin * padded_rows + row / kTile * kTile * depth) * sizeof(bf16) +
                   row % kTile * line;
        for (size_t k = 0; k < depth; k += kDepth, to += kTile * line) {
            const size_t at = (begin + k) * sizeof(bf16);
            const size_t n = at < width ? std::min(line, width - at) : 0;
            std::memcpy(to, from + at, n);
            if (n < line) std::memset(to + n, 0, line - n);
        }
    }
}

void Product::store(const float* sums, size_t row, size_t n_rows, size_t column) const {
    const size_t n = std::min(kColumns, static_cast<size_t>(out.dims[1]) - column);
    for (size_t r = 0; r < n_rows; ++r) {
        const auto at = static_cast<ptrdiff_t>(first_row + row + r) * out.strides[0] +
                        static_cast<ptrdiff_t>(column);
        kernels.narrow(
            static_cast<char*>(out.data) + at * static_cast<ptrdiff_t>(dtype_size(out.dtype)),
            out.dtype, sums + r * kColumns, n);
    }
}

// Parts of the depth outside, blocks of weights inside: x of a part is fetched once for all blocks.
// A part of a block becomes tiles while the one before it is multiplied.
void Product::run_task(size_t task, char* scratch) const {
    const size_t row = task % n_row_blocks() * row_block;
    const size_t first_block = task / n_row_blocks() * blocks;
    const size_t n_blocks = std::min(blocks, packed.n_blocks - first_block);
    auto* sums = reinterpret_cast<float*>(scratch);
    auto* tiles = reinterpret_cast<bf16*>(sums + kSums);
    const char* packed_blocks =
        static_cast<const char*>(weight.data) + first_block * packed.block_bytes;
    if (plain) {
        char* to = reinterpret_cast<char*>(tiles + 2 * kTiles);
        pack_block(packed, weight, first_block, to);
        packed_blocks = to;
    }
    const size_t n_parts = (packed.padded_depth + kTilePart - 1) / kTilePart;
    const auto fill_of = [&](size_t i) {  // part by part, block by block
        TileFill fill = {};
        if (i == n_parts * n_blocks) return fill;
        fill.w = tiles + i % 2 * kTiles;
        fill.block = packed_blocks + i % n_blocks * packed.block_bytes;
        fill.begin = i / n_blocks * kTilePart;
        fill.end = std::min(packed.padded_depth, fill.begin + kTilePart);
        return fill;
    };
    TileFill next = fill_of(0);
    weights.fill(next);
    for (size_t i = 0; i < n_parts * n_blocks; ++i) {
        const TileFill here = next;
        next = fill_of(i + 1);
        const size_t block = i % n_blocks, column = (first_block + block) * kColumns;
        TileProduct product = {};
        product.w = here.w;
        product.depth = here.end - here.begin;
        product.x = x + (here.begin * padded_rows + row * product.depth) * sizeof(bf16);
        product.rows = std::min(row_block, rows - row);
        product.columns = std::min(kColumns, static_cast<size_t>(out.dims[1]) - column);
        product.sums = sums + block * row_block * kColumns;
        product.first = here.begin == 0;
        weights.multiply(product, next);
        if (here.end == packed.padded_depth) store(product.sums, row, product.rows, column);
    }
}

}  // namespace

size_t tile_workspace(const Packed& packed, size_t n_threads) {
    return kRowsAtOnce * packed.padded_depth * sizeof(bf16) + n_threads * thread_bytes(packed);
}

void multiply_by_tiles(const Kernels& kernels, Pool& pool, const Packed& packed,
                       const afs_tensor& x, const afs_tensor& weight, const afs_tensor& out,
                       void* workspace) {
    const auto n = static_cast<size_t>(x.dims[0]);
    auto* copy = static_cast<char*>(workspace);
    char* scratch = copy + kRowsAtOnce * packed.padded_depth * sizeof(bf16);
    const TileWeightsFunctions& weights =
        packed.coding ? kernels.tiles_of_codes[*packed.coding] : kernels.tiles_of_bf16;
    const bool plain = weight.format != kPackedFormat;
    // Enough tasks for all threads: of fewer blocks first, then of fewer rows.
    const size_t enough = pool.size() == 1 ? 1 : kTasks * pool.size();
    for (size_t first = 0; first < n; first += kRowsAtOnce) {
        const size_t rows = std::min(kRowsAtOnce, n - first);
        Product product = {.kernels = kernels,
                           .packed = packed,
                           .weight = weight,
                           .out = out,
                           .weights = weights,
                           .x = copy,
                           .first_row = first,
                           .rows = rows,
                           .padded_rows = (rows + kTile - 1) / kTile * kTile,
                           .row_block = kRowBlock,
                           .blocks = 1,
                           .plain = plain};
        while (product.row_block > 2 * kTile && product.n_tasks() < enough) product.row_block /= 2;
        if (!plain) product.blocks = std::clamp<size_t>(product.n_tasks() / enough, 1, kMostBlocks);
        pool.run(product.rows, [&](size_t row, unsigned) { product.copy_row(x, row); });
        pool.run(product.n_tasks(), [&](size_t task, unsigned thread) {
            product.run_task(task, scratch + thread * thread_bytes(packed));
        });
    }
}

}  // namespace afs::cpu
