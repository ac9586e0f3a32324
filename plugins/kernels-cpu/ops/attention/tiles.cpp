#include "ops/attention/tiles.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "afs/numeric.hpp"

namespace afs::cpu {
namespace {

size_t up_to(size_t n, size_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
}

struct Scratch {
    Scratch(const Geometry& g, void* memory) {
        const size_t rows = up_to(g.rows, kTile), depth = up_to(g.head_dim, kDepth);
        scores = static_cast<float*>(memory);
        sums = scores + rows * kColumns;
        max = sums + rows * g.width;
        total = max + rows;
        q = reinterpret_cast<bf16*>(total + rows);
        keys = q + rows * depth;
        values = keys + kColumns * depth;
        weights = values + kColumns * g.width;
    }
    static size_t bytes(const Geometry& g) {
        const size_t rows = up_to(g.rows, kTile), depth = up_to(g.head_dim, kDepth);
        return rows * (kColumns + g.width + 2) * sizeof(float) +
               ((rows + kColumns) * depth + kColumns * (g.width + rows)) * sizeof(bf16);
    }
    float *scores, *sums;               // [rows][64], [width / 64][rows][64]
    float *max, *total;                 // [rows]
    bf16 *q, *keys, *values, *weights;  // as tiles (simd/kernels.hpp)
};

// Rows of the piece, token by token, to lines of tiles; zeros beyond the head's elements.
void gather(const Geometry& g, const TilePiece& piece, bf16* q) {
    constexpr size_t kLine = kDepth * sizeof(bf16);
    const size_t depth = up_to(g.head_dim, kDepth), whole = g.head_dim / kDepth * kDepth;
    for (size_t r = 0; r < piece.rows(); ++r) {
        const char* from = piece.q + static_cast<ptrdiff_t>(r / piece.group) * piece.q_step +
                           r % piece.group * g.head_dim * sizeof(bf16);
        bf16* to = q + r / kTile * kTile * depth + r % kTile * kDepth;
        for (size_t d = 0; d < whole; d += kDepth, to += kTile * kDepth, from += kLine)
            std::memcpy(to, from, kLine);
        if (whole == depth) continue;
        std::memset(to, 0, kLine);
        std::memcpy(to, from, (g.head_dim - whole) * sizeof(bf16));
    }
}

void write(const Kernels& kernels, const Geometry& g, const TilePiece& piece,
           const Scratch& scratch) {
    const size_t rows = up_to(g.rows, kTile), size = dtype_size(piece.out_dtype);
    for (size_t r = 0; r < piece.rows(); ++r) {
        char* to = piece.out + static_cast<ptrdiff_t>(r / piece.group) * piece.out_step +
                   r % piece.group * g.head_dim * size;
        for (size_t d = 0; d < g.head_dim; d += kColumns)
            kernels.divide(to + d * size, piece.out_dtype, scratch.sums + d * rows + r * kColumns,
                           scratch.total[r], std::min(kColumns, g.head_dim - d));
    }
}

}  // namespace

size_t attention_tiles_bytes(const Geometry& g) {
    return Scratch::bytes(g);
}

bool hidden_values_are_finite(const Geometry& g, const ChunkSource& from, const TilePiece& piece) {
    constexpr uint16_t kInfinite = 0x7f80;  // the exponent of bf16's infinities and NaN
    uint16_t largest = 0;
    for (size_t begin = piece.context - piece.n_tokens + 1; begin < piece.context;
         begin += kChunk) {
        const size_t n = std::min(kChunk, piece.context - begin);
        const char *keys[kChunk], *values[kChunk];
        find_rows(from, begin, n, keys, values);
        for (size_t i = 0; i < n; ++i)
            for (size_t d = 0; d < g.head_dim; ++d) {
                uint16_t bits;
                std::memcpy(&bits, values[i] + d * sizeof bits, sizeof bits);
                largest = std::max(largest, static_cast<uint16_t>(bits & kInfinite));
            }
    }
    return largest < kInfinite;
}

void attend_by_tiles(const Kernels& kernels, const Geometry& g, const ChunkSource& from,
                     const TilePiece& piece, void* memory) {
    const Scratch scratch(g, memory);
    const size_t padded_rows = up_to(g.rows, kTile);
    gather(g, piece, scratch.q);
    for (size_t begin = 0; begin < piece.context; begin += kChunk) {
        const size_t n = std::min(kChunk, piece.context - begin);
        const char *keys[kChunk], *values[kChunk];
        find_rows(from, begin, n, keys, values);
        kernels.fill_keys(scratch.keys, keys, n, g.head_dim);
        kernels.fill_values(scratch.values, values, n, g.head_dim);
        TileProduct scores = {};
        scores.x = scratch.q, scores.w = scratch.keys;
        scores.rows = piece.rows(), scores.columns = n;
        scores.depth = up_to(g.head_dim, kDepth);
        scores.sums = scratch.scores, scores.first = true;
        kernels.multiply_tiles(scores);
        TileWeights weights = {};
        weights.scores = scratch.scores, weights.weights = scratch.weights;
        weights.rows = piece.rows(), weights.n = n;
        weights.first_sees = static_cast<ptrdiff_t>(piece.context - piece.n_tokens + 1) -
                             static_cast<ptrdiff_t>(begin);
        weights.group = piece.group, weights.scale = piece.scale, weights.first = begin == 0;
        weights.max = scratch.max, weights.total = scratch.total;
        weights.sums = scratch.sums, weights.width = g.width, weights.sums_rows = padded_rows;
        kernels.weigh_tiles(weights);
        TileProduct sums = {};
        sums.x = scratch.weights, sums.w = scratch.values;
        sums.rows = piece.rows(), sums.columns = kColumns, sums.depth = kChunk;
        sums.sums = scratch.sums, sums.first = begin == 0;
        for (size_t d = 0; d < g.width; d += kColumns) {
            kernels.multiply_tiles(sums);
            sums.w = static_cast<const bf16*>(sums.w) + kColumns * kChunk;
            sums.sums += padded_rows * kColumns;
        }
    }
    write(kernels, g, piece, scratch);
}

}  // namespace afs::cpu
