// A piece of attention by matrix tiles: some tokens of one sequence and the heads of one kv head.
// Scores are products of q with keys, sums products of weights with values; weights are rounded to
// bf16 for that, so a row has other bits than by ops/attention/chunk.hpp.
#pragma once
#include "ops/attention/chunk.hpp"

namespace afs::cpu {

// q of token t and head h of the group: bf16 at q + t * q_step + h * head_dim * 2; out alike.
struct TilePiece {
    const char* q;
    ptrdiff_t q_step;  // bytes from token to token
    char* out;
    ptrdiff_t out_step;
    int32_t out_dtype;
    size_t n_tokens, group;
    size_t context;  // positions that the last token sees; each one before sees one less
    float scale;
    size_t rows() const { return n_tokens * group; }
};

// Scratch of one thread for pieces of up to g.rows.
size_t attention_tiles_bytes(const Geometry& g);
// Whether the values that some row of the piece must not see are finite: there a weight of 0 is
// multiplied with them.
bool hidden_values_are_finite(const Geometry& g, const ChunkSource& from, const TilePiece& piece);
// Keys and values: bf16 whose elements lie side by side.
void attend_by_tiles(const Kernels& kernels, const Geometry& g, const ChunkSource& from,
                     const TilePiece& piece, void* scratch);

}  // namespace afs::cpu
