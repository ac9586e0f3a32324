// AVX2 with FMA and F16C. Compiled with those flags: nothing here runs before the check.
#include <immintrin.h>

#include "afs/numeric.hpp"  // the element types only
#include "simd/code_layout.hpp"
#include "simd/force_inline.hpp"
#include "simd/kernels.hpp"

namespace afs::cpu {
namespace {

#include "simd/vec_avx2.hpp"
// Vec comes first
#include "simd/rows.hpp"
// Vec and rows come first
#include "simd/panel.hpp"
// all of them come first
#include "simd/codes.hpp"
#include "simd/table.hpp"
#include "simd/words.hpp"

struct Shape {  // 16 registers: 12 sums, 2 of weights, an element
    static constexpr size_t kManyRows = 4, kManyVecs = 2, kOneVecs = 8, kCut = 128;
    static constexpr bool kWidens = true;
    static constexpr size_t kWideRows = 6, kWordRows = 6, kWordVecs = 2;
};

}  // namespace

const Kernels kAvx2 = with_words<Shape>(table<Shape>(nullptr));

}  // namespace afs::cpu
