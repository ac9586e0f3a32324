// AVX-512 with BF16 and VNNI. Compiled with those flags: nothing here runs before the check.
#include <immintrin.h>

#include "afs/numeric.hpp"  // the element types only
#include "simd/code_layout.hpp"
#include "simd/force_inline.hpp"
#include "simd/kernels.hpp"

namespace afs::cpu {
namespace {

#include "simd/vec_avx512.hpp"
// Vec comes first
#include "simd/rows.hpp"
// Vec and rows come first
#include "simd/panel.hpp"
// all of them come first
#include "simd/codes.hpp"
#include "simd/table.hpp"

// x and weights bf16, two steps of depth in one instruction. It takes subnormals as 0.
struct DotPairs {
    using X = bf16;
    static constexpr size_t kStep = 2;
    static constexpr bool kSliced = false;  // bf16's own rounding is far coarser
    template <size_t kRows, size_t kVecs>
    AFS_FORCE void step(Vec::F (&sum)[kRows][kVecs], const X* x, ptrdiff_t pitch, const bf16* w) {
        __m512i weights[kVecs];
        AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v) weights[v] = _mm512_loadu_si512(w + 2 * v * kWidth);
        AFS_UNROLL
        for (size_t r = 0; r < kRows; ++r) {
            int32_t pair;
            __builtin_memcpy(&pair, x + static_cast<ptrdiff_t>(r) * pitch, sizeof pair);
            const __m512i each = _mm512_set1_epi32(pair);
            AFS_UNROLL
            for (size_t v = 0; v < kVecs; ++v)
                sum[r][v] = _mm512_dpbf16_ps(sum[r][v], (__m512bh)each, (__m512bh)weights[v]);
        }
    }
};

// x bf16 times eight codes of each column, two steps of depth in one instruction. A code is a bf16
// as it is: it has at most 8 bits.
struct DotCodes {
    using X = bf16;
    using W = bf16;  // widened codes: [depth / 2][64][2]
    static constexpr size_t kLongest = 32;

    // Depths 2 s and 2 s + 1 of the eight, of each column.
    template <size_t kVecs>
    AFS_FORCE __m512i pair(const Codes<4, kVecs>& codes, size_t s, size_t v) {
        // Of each half of a word the lowest 5 bits are looked at; the fifth is a neighbour's.
        alignas(64) static constexpr uint16_t kTable[32] = {
            0x0000, 0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0, 0x40e0, 0xc100, 0xc0e0, 0xc0c0,
            0xc0a0, 0xc080, 0xc040, 0xc000, 0xbf80, 0x0000, 0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0,
            0x40c0, 0x40e0, 0xc100, 0xc0e0, 0xc0c0, 0xc0a0, 0xc080, 0xc040, 0xc000, 0xbf80};
        return _mm512_permutexvar_epi16((__m512i)(codes.words[v] >> static_cast<int>(4 * s)),
                                        _mm512_load_si512(kTable));
    }
    template <size_t kVecs>
    AFS_FORCE __m512i pair(const Codes<8, kVecs>& codes, size_t s, size_t v) {
        const __m512i first = _mm512_castps_si512(codes.one(2 * s, v));
        const __m512i second = _mm512_castps_si512(codes.one(2 * s + 1, v));
        return _mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_srli_epi32(first, 16), second);
    }
    template <size_t kVecs>
    AFS_FORCE __m512i pair(const Widened<bf16, kVecs>& codes, size_t s, size_t v) {
        return _mm512_loadu_si512(codes.from + 2 * (s * kColumns + v * kWidth));
    }
    template <size_t kRows, size_t kVecs, class C>
    AFS_FORCE void step(Vec::F (&sum)[kRows][kVecs], const X* x, ptrdiff_t pitch, const C& codes) {
        AFS_UNROLL
        for (size_t s = 0; s < kStepCodes / 2; ++s) {
            __m512i weights[kVecs];
            AFS_UNROLL
            for (size_t v = 0; v < kVecs; ++v) weights[v] = pair(codes, s, v);
            AFS_UNROLL
            for (size_t r = 0; r < kRows; ++r) {
                int32_t two;
                __builtin_memcpy(&two, x + static_cast<ptrdiff_t>(r) * pitch + 2 * s, sizeof two);
                const __m512i each = _mm512_set1_epi32(two);
                AFS_UNROLL
                for (size_t v = 0; v < kVecs; ++v)
                    sum[r][v] = _mm512_dpbf16_ps(sum[r][v], (__m512bh)each, (__m512bh)weights[v]);
            }
        }
    }
    template <class C>
    AFS_FORCE void widen(W* to, const C& codes) {  // one vector of columns
        AFS_UNROLL
        for (size_t s = 0; s < kStepCodes / 2; ++s)
            _mm512_storeu_si512(to + 2 * s * kColumns, pair(codes, s, 0));
    }
};

struct Shape {  // 32 registers: 24 sums, 4 of weights, an element
    static constexpr size_t kManyRows = 6, kManyVecs = 4, kOneVecs = 4, kCut = 256;
};

}  // namespace

const Kernels kAvx512 = table<Shape, DotCodes>(panel<DotPairs, bf16, Shape>);

}  // namespace afs::cpu
