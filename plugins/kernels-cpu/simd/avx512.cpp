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
#include "simd/words.hpp"

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

struct Shape {  // 32 registers: 24 sums, 4 of weights, an element
    static constexpr size_t kManyRows = 6, kManyVecs = 4, kOneVecs = 4, kCut = 256;
    static constexpr bool kWidens = true;
    static constexpr size_t kWideRows = 6, kWordRows = 6, kWordVecs = 4;
};

}  // namespace

const Kernels kAvx512 = with_words<Shape>(table<Shape>(panel<DotPairs, bf16, Shape>));

}  // namespace afs::cpu
