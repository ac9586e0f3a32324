// Baseline code: what any processor of this build runs.
#include "afs/numeric.hpp"
#include "simd/code_layout.hpp"
#include "simd/force_inline.hpp"
#include "simd/kernels.hpp"

namespace afs::cpu {
namespace {

#include "simd/vec_portable.hpp"
// Vec comes first
#include "simd/rows.hpp"
// Vec and rows come first
#include "simd/panel.hpp"
// all of them come first
#include "simd/codes.hpp"
#include "simd/table.hpp"

struct Shape {
    static constexpr size_t kManyRows = 4, kManyVecs = 2, kOneVecs = 8, kCut = 128;
    static constexpr size_t kWideRows = 6;
    static constexpr bool kWidens = true;
};

}  // namespace

const Kernels kPortable = table<Shape>(nullptr);

}  // namespace afs::cpu
