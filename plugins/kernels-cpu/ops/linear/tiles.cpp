#include "ops/linear/tiles.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "afs/numeric.hpp"

namespace afs::cpu {
namespace {

constexpr size_t kRowsAtOnce = 512;  // of x; their tasks read the same weights side by side
// Of a task: a part of its x, the sums of its blocks and the parts of two blocks, as tiles, stay in
// the core's second cache.
constexpr size_t kRowBlock = 256, kMostBlocks = 8;
constexpr size_t kTasks = 4;  // of a thread at least, where there is enough for all

constexpr size_t kSums = kMostBlocks * kRowBlock * kColumns;
constexpr size_t kTiles = kTilePart * kColumns;  // weights

size_t thread_bytes(const Packed& packed) {
    return kSums * sizeof(float) + 2 * kTiles * sizeof(bf16) + packed.block_bytes;
}

// Rows [row, ..) times blocks of weights. n_blocks 0: none.
struct Task {
    size_t row, first_block, n_blocks;
};

// What the threads of one call share.
struct Product {
    const Packed& packed;
    const afs_tensor &weight, &out;
    const TileWeightsFunctions& weights;
    char* x;  // bf16 in tiles: [depth / kTilePart][rows / 16][kTilePart / 32][16][32]
    size_t first_row, rows, padded_rows;  // of out; of x
    size_t row_block, most_blocks;        // of a task
    size_t shares;                        // into which the blocks that are left are cut
    bool plain;                           // the weight is packed on the way

    size_t n_row_blocks() const { return (rows + row_block - 1) / row_block; }
    size_t n_parts() const { return (packed.padded_depth + kTilePart - 1) / kTilePart; }

    void copy_row(const afs_tensor& x_rows, size_t row) const;
    Task task(size_t i) const;
    const char* blocks_of(const Task& task, char* scratch) const;
    TileFill fill_of(const Task& task, const char* packed_blocks, size_t part) const;
    void multiply(const Task& task, size_t part, const TileFill& here, const TileFill& next,
                  float* sums) const;
    void run_tasks(std::atomic<size_t>& claimed, char* scratch) const;
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

// Tasks become smaller, so that threads that are not equally fast end together. Those of the same
// blocks follow each other: the weights are read side by side.
Task Product::task(size_t i) const {
    Task task = {i % n_row_blocks() * row_block, 0, 0};
    for (size_t group = 0; group <= i / n_row_blocks(); ++group) {
        task.first_block += task.n_blocks;
        const size_t left = packed.n_blocks - task.first_block;
        if (left == 0) return {};
        task.n_blocks = std::clamp<size_t>(left / shares, 1, most_blocks);
    }
    return task;
}

// Where a task's weights lie packed.
const char* Product::blocks_of(const Task& task, char* scratch) const {
    if (!plain)
        return static_cast<const char*>(weight.data) + task.first_block * packed.block_bytes;
    char* to = scratch + kSums * sizeof(float) + 2 * kTiles * sizeof(bf16);
    if (task.n_blocks) pack_block(packed, weight, task.first_block, to);
    return to;
}

// Parts of the depth outside, blocks of weights inside: x of a part is fetched once for all blocks.
TileFill Product::fill_of(const Task& task, const char* packed_blocks, size_t part) const {
    TileFill fill = {};
    fill.block = packed_blocks + part % task.n_blocks * packed.block_bytes;
    fill.begin = part / task.n_blocks * kTilePart;
    fill.end = std::min(packed.padded_depth, fill.begin + kTilePart);
    return fill;
}

void Product::multiply(const Task& task, size_t part, const TileFill& here, const TileFill& next,
                       float* sums) const {
    const size_t block = part % task.n_blocks, column = (task.first_block + block) * kColumns;
    TileProduct product = {};
    product.w = here.w;
    product.depth = here.end - here.begin;
    product.x = x + (here.begin * padded_rows + task.row * product.depth) * sizeof(bf16);
    product.rows = std::min(row_block, rows - task.row);
    product.columns = std::min(kColumns, static_cast<size_t>(out.dims[1]) - column);
    product.sums = sums + block * row_block * kColumns;
    product.first = here.begin == 0;
    if (here.end == packed.padded_depth) {
        const auto at = static_cast<ptrdiff_t>(first_row + task.row) * out.strides[0] +
                        static_cast<ptrdiff_t>(column);
        product.out = static_cast<bf16*>(out.data) + at;
        product.out_pitch = out.strides[0];
    }
    weights.multiply(product, next);
}

// A part of a block becomes tiles while the one before it is multiplied, be it the last of the task
// before.
void Product::run_tasks(std::atomic<size_t>& claimed, char* scratch) const {
    auto* sums = reinterpret_cast<float*>(scratch);
    auto* tiles = reinterpret_cast<bf16*>(sums + kSums);
    const auto claim = [&] { return task(claimed.fetch_add(1, std::memory_order_relaxed)); };
    Task now = claim();
    if (!now.n_blocks) return;
    const char* blocks = blocks_of(now, scratch);
    TileFill next = fill_of(now, blocks, 0);
    next.w = tiles;
    weights.fill(next);
    for (size_t part = 0, filled = 1; now.n_blocks;) {
        const TileFill here = next;
        const bool last = part + 1 == n_parts() * now.n_blocks;
        const Task then = last ? claim() : now;
        if (last) blocks = blocks_of(then, scratch);
        next = {};
        if (then.n_blocks) {
            next = fill_of(then, blocks, last ? 0 : part + 1);
            next.w = tiles + filled++ % 2 * kTiles;
        }
        multiply(now, part, here, next, sums);
        now = then, part = last ? 0 : part + 1;
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
    // Enough tasks for all threads: of one block if need be, then of fewer rows.
    const size_t enough = pool.size() == 1 ? 1 : kTasks * pool.size();
    for (size_t first = 0; first < n; first += kRowsAtOnce) {
        const size_t rows = std::min(kRowsAtOnce, n - first);
        Product product = {.packed = packed,
                           .weight = weight,
                           .out = out,
                           .weights = weights,
                           .x = copy,
                           .first_row = first,
                           .rows = rows,
                           .padded_rows = (rows + kTile - 1) / kTile * kTile,
                           .row_block = kRowBlock,
                           .most_blocks = plain ? 1 : kMostBlocks,
                           .shares = 1,
                           .plain = plain};
        while (product.row_block > 2 * kTile && product.n_row_blocks() * packed.n_blocks < enough)
            product.row_block /= 2;
        if (pool.size() > 1)
            product.shares = std::max<size_t>(1, size_t{2} * pool.size() / product.n_row_blocks());
        pool.run(product.rows, [&](size_t row, unsigned) { product.copy_row(x, row); });
        std::atomic<size_t> claimed = 0;
        pool.run(pool.size(), [&](size_t, unsigned thread) {
            product.run_tasks(claimed, scratch + thread * thread_bytes(packed));
        });
    }
}

}  // namespace afs::cpu
