// One chunk of 64 positions of one kv head: its keys and values brought from the paged cache into
// the order of packed weights, and what a block of query rows makes of it. A chunk is a unit of
// arithmetic: its softmax is taken by itself and blended into what came before, so that a row's
// bits depend on its own position alone.
#pragma once
#include "afs/abi/step.h"
#include "simd/kernels.hpp"

namespace afs::cpu {

constexpr size_t kChunk = kColumns;  // positions: keys are the columns of a product

struct Geometry {
    Geometry(const Kernels& kernels, int32_t act_dtype, const afs_kv_layout& layout, size_t rows);
    bool dot;           // q and keys in bf16 pairs, else both widened
    size_t head_dim;    // as it is
    size_t depth;       // of q times keys: padded to pairs
    size_t width;       // of sums over values: padded to whole blocks of columns
    size_t rows;        // most query rows at a time
    size_t q_elements;  // bytes of one
    // Scratch of one thread, in bytes.
    size_t q_bytes() const { return rounded(rows * depth * q_elements); }
    size_t k_bytes() const { return rounded(depth * kChunk * q_elements); }
    size_t v_bytes() const { return width * kChunk * sizeof(float); }
    size_t s_bytes() const { return rows * kChunk * sizeof(float); }
    size_t sums_bytes() const { return rows * width * sizeof(float); }
    size_t row_bytes() const { return rounded(rows * sizeof(float)); }
    size_t bytes() const {
        return q_bytes() + k_bytes() + v_bytes() + s_bytes() + 2 * sums_bytes() + 4 * row_bytes();
    }

private:
    static size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }
};

// Scratch of one thread, cut up.
struct ChunkScratch {
    ChunkScratch(const Geometry& g, void* memory);
    char* q;                                       // [rows, depth]
    char* k;                                       // packed: depth x 64 columns
    float* v;                                      // packed: 64 deep, width / 64 blocks of columns
    float* s;                                      // [rows, 64]
    float* part;                                   // [rows, width]: this chunk's sums over values
    float* sums;                                   // [rows, width]: blended
    float *part_max, *part_weight, *max, *weight;  // [rows]
};

// Positions [64 * chunk, ..+n) of one kv head.
struct ChunkSource {
    const afs_kv& kv;
    const afs_kv_layout& layout;
    const int32_t* blocks;  // the sequence's row of the block table
    uint32_t head;
};
// The first elements of the keys and values of positions [begin, ..+n).
void find_rows(const ChunkSource& from, size_t begin, size_t n, const char** keys,
               const char** values);
void load_chunk(const Kernels& kernels, const Geometry& g, const ChunkSource& from, size_t chunk,
                size_t n, const ChunkScratch& to);

// Rows [first, end) over the chunk's first n positions: part, part_max and part_weight.
void attend_chunk(const Kernels& kernels, const Geometry& g, const ChunkScratch& scratch,
                  size_t first, size_t end, size_t n, float scale);

// One row's (max, weight, sums[width]) with one chunk's.
void blend_chunk(const Kernels& kernels, size_t width, float part_max, float part_weight,
                 const float* part, float& max, float& weight, float* sums);

}  // namespace afs::cpu
