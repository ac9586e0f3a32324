// How block-quantised weights lie in a packed block of 64 columns (outputs): small integer codes
// and their scales, in the order in which a product reads them, one stream a block.
//   a span of depth:  scale fp16 [64], minimum fp16 [64]      (minimum: where there is one)
//     its groups:     scale int8 [64], minimum uint8 [64]     (fine: of the K formats)
//                     codes [group][64]
// Codes of 8 bits are int8 [depth / 2][64][2]. Codes of 4 bits are [depth / 8][64] words: nibble s
// of a word is depth 2 s, nibble s + 4 is depth 2 s + 1, each 8 above its code. So the halves of a
// word hold pairs of neighbours in depth, as bf16 weights do, and a mask takes a pair out. Codes of
// 6 bits, each 32 above its code, are their lower 4 bits in the same way, [2][64] words for 16 of
// depth, then their upper 2 bits: [64] words, pair t of neighbours at bits 2 t of both halves.
#pragma once
#include <cstddef>
#include <cstdint>

#include "simd/kernels.hpp"

namespace afs::cpu {

struct CodeLayout {
    size_t bits, group, span;
    bool fine, minimum;
    int centre;  // a code with a minimum is q - centre

    constexpr size_t head_bytes() const { return kColumns * 2 * (minimum ? 2 : 1); }
    constexpr size_t fine_bytes() const { return fine ? kColumns * (minimum ? 2 : 1) : 0; }
    constexpr size_t group_bytes() const { return fine_bytes() + group * kColumns * bits / 8; }
    constexpr size_t span_bytes() const { return head_bytes() + span / group * group_bytes(); }
};

// A weight is, q the code and c the centre:
constexpr CodeLayout kCodeLayouts[kCodings] = {
    {4, 32, 32, false, false, 0},   // scale q
    {4, 32, 32, false, true, 8},    // scale (q + c) + minimum
    {4, 32, 256, true, true, 8},    // scale fine (q + c) - minimum fine
    {8, 32, 32, false, false, 0},   // scale q
    {8, 32, 32, false, true, 16},   // scale (q + c) + minimum
    {8, 32, 256, true, true, 16},   // scale fine (q + c) - minimum fine
    {6, 16, 256, true, false, 0}};  // scale fine q

}  // namespace afs::cpu
