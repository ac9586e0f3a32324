// The inner loops, one table for each instruction set. Each table is compiled in a file of its own
// with that set's flags; the rest of the plugin is baseline code. Everything that a table's file
// defines has internal linkage: an inline function compiled for AVX-512 and merged by the linker
// with its baseline twin would run where it may not.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "afs/abi/tensor.h"

namespace afs::cpu {

constexpr size_t kColumns = 64;  // outputs in one block of packed weights
constexpr size_t kDepth = 32;    // a block's depth k is padded to a multiple of this, with zeros

// Kinds of packed codes (simd/code_layout.hpp).
enum Coding {
    kNibbles,
    kNibblesMinimum,
    kNibblesFine,
    kBytes,
    kBytesMinimum,
    kBytesFine,
    kSixesFine,
    kCodings
};

// out[r, c] = sum over k of x[r, k] * w[k, c], c < columns <= kColumns, for one packed block. Each
// element is one sum in ascending k, whatever the number of rows, columns and cuts.
struct Panel {
    const void* x;      // [rows, depth]; bf16, fp32 or int16, as the function's name says
    ptrdiff_t x_pitch;  // elements from row to row
    const void* w;      // the block, from its first column on
    size_t rows, depth, columns;
    void* out;
    int32_t out_dtype;
    ptrdiff_t out_pitch;
    float* sums;  // [rows, kColumns]: between the cuts of a long depth; NULL: depth is not cut
    // Of codes only, whose w is always the whole block.
    size_t first_column;     // in the block
    const float* x_sums;     // [rows, depth / 32]: of every 32 elements of x
    const float* x_units;    // as x_sums, of words: what a whole number of x stands for
    const int32_t* x_bases;  // as x_sums, of words: -8 times the sum of the whole numbers
    ptrdiff_t x_sums_pitch;  // elements from row to row, of all three
    float* expanded;         // [kExpanded]
};
// Codes and scales of a part of a block, widened: what many rows are multiplied with.
constexpr size_t kExpandedDepth = 256;
constexpr size_t kExpanded = (kExpandedDepth + 2 * kExpandedDepth / 16) * kColumns;
using PanelFunction = void (*)(const Panel&);

// By matrix tiles of 16 lines of 64 bytes (simd/tiles.hpp): sums[rows, columns] += x * w, of a part
// of the depth, a multiple of kDepth.
constexpr size_t kTile = 16;
constexpr size_t kTilePart = 2048;
struct TileProduct {
    const void* x;  // bf16 [rows / 16][depth / 32][16][32]
    const void* w;  // bf16 [depth / 32][4][16][16][2]: 4 times 16 columns of 16 pairs
    size_t rows, depth, columns;
    float* sums;          // [rows][kColumns]
    bool first;           // of a sum: sums holds nothing yet
    void* out;            // bf16 [rows, columns], where the sums are complete; NULL: they are not
    ptrdiff_t out_pitch;  // elements from row to row
};
// Depth [begin, end) of a packed block of weights, to be TileProduct::w. begin: a multiple of
// kTilePart.
struct TileFill {
    void* w;
    const void* block;
    size_t begin, end;
};
// Of one kind of weights. multiply also fills what comes next, unless next.w is NULL.
struct TileWeightsFunctions {
    void (*fill)(const TileFill&);
    void (*multiply)(const TileProduct&, const TileFill& next);
};

// Rows of attention over up to kColumns positions: scores become weights, relative to the largest
// score so far, and what was summed up relative to a smaller one is scaled.
struct TileWeights {
    float* scores;         // [rows][kColumns]; become -infinity beyond what a row sees
    void* weights;         // bf16 [rows / 16][kColumns / 32][16][32]; 0 where a row sees nothing
    size_t rows, n;        // n: positions
    ptrdiff_t first_sees;  // of them, the rows of the first token; those of the next see one more
    size_t group;          // rows of a token
    float scale;
    bool first;          // of a row's positions: max, total and sums hold nothing yet
    float *max, *total;  // [rows / 16][16]; max: of exponents of two; both for the kernel alone
    float* sums;         // [width / kColumns][sums_rows][kColumns]
    size_t width, sums_rows;
};

// A row of x as whole numbers, 32 to a power of two, with what Panel keeps of it.
struct WholeRow {
    int16_t* numbers;
    float *units, *sums;
    int32_t* bases;
};

// dtype below: fp32, bf16 or fp16, of all activations of a call.
struct Kernels {
    void (*widen)(float* to, const void* from, int32_t dtype, size_t n);
    void (*narrow)(void* to, int32_t dtype, const float* from, size_t n);
    void (*divide)(void* to, int32_t dtype, const float* from, float by, size_t n);
    void (*add)(void* out, const void* a, const void* b, int32_t dtype, size_t n);
    void (*swiglu)(void* out, const void* gate, const void* up, int32_t dtype, size_t n);
    // One row; w is widened.
    void (*rms_norm)(void* out, const void* x, int32_t dtype, const float* w, size_t n, float eps,
                     bool weight_before_cast);
    // One row of n_heads heads; cosine and sine: [half], rounded to dtype where `stepwise` (each
    // product is then rounded too).
    void (*rope)(void* out, const void* x, int32_t dtype, const float* cosine, const float* sine,
                 size_t half, size_t n_heads, bool stepwise);
    // Lowest index of the largest; NaN never wins; n where nothing is above -infinity.
    size_t (*argmax)(const void* x, int32_t dtype, size_t n);

    // s[i] -> exp(s[i] * scale - m), m the largest s * scale (0 where that is -infinity); returns
    // the largest and writes the sum.
    float (*softmax)(float* s, size_t n, float scale, float* sum);
    // to = to * keep + from * take
    void (*blend)(float* to, const float* from, float keep, float take, size_t n);
    // exp of one number, as softmax computes it
    float (*exp)(float x);

    // x fp32 times weights of each dtype.
    PanelFunction panel_fp32, panel_fp16, panel_bf16;
    // x and weights bf16, by dot products of pairs: NULL where there is no such instruction, or
    // where it is slow.
    PanelFunction panel_bf16_dot;

    // x fp32 times codes. x of whole numbers times codes, by dot products of pairs: NULL where
    // there is no such instruction.
    PanelFunction panel_codes[kCodings], panel_words[kCodings];
    // Sums of tiles have another order. NULL where there are none.
    void (*multiply_tiles)(const TileProduct&);
    TileWeightsFunctions tiles_of_bf16, tiles_of_codes[kCodings];
    // Attention by tiles: rows of n <= kColumns positions, bf16 [head_dim] each, to
    // TileProduct::w, of keys as columns [head_dim / 32][4][16][16][2], of values as depth
    // [head_dim / kColumns][kColumns / 32][4][16][16][2], with zeros beyond. NULL as above.
    void (*fill_keys)(void* w, const char* const* keys, size_t n, size_t head_dim);
    void (*fill_values)(void* w, const char* const* values, size_t n, size_t head_dim);
    void (*weigh_tiles)(const TileWeights&);
    // n bf16 to whole numbers; false where one is not finite.
    bool (*whole_row)(const WholeRow& to, const void* from, size_t n);
    // to[i] = sum of x[32 i .. 32 i + 31]
    void (*sum_groups)(float* to, const void* x, int32_t dtype, size_t n);
};

extern const Kernels kPortable;
#if defined(__x86_64__)
extern const Kernels kAvx2, kAvx512;
void add_tiles(Kernels& kernels);  // AMX's
#endif

}  // namespace afs::cpu
