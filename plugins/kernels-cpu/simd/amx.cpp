// AMX's tiles, with AVX-512 around them. Compiled with those flags: nothing here runs before the
// check, nor before the system gave the process its tiles.
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
#include "simd/tiles.hpp"
// and tiles before it
#include "simd/attention_tiles.hpp"

// In assembly: the compilers' intrinsics want the numbers of tiles as literals in a macro.
struct Tiles {
    struct alignas(64) Config {
        uint8_t palette, start_row, reserved[14];
        uint16_t bytes_per_row[16];
        uint8_t rows[16];
    };
    AFS_FORCE void configure(size_t upper, size_t lower) {
        const size_t rows[8] = {upper, upper, lower, lower, upper, lower, kTile, 0};
        Config config{};
        config.palette = 1;
        for (int tile = 0; tile < 8; ++tile) {
            config.bytes_per_row[tile] = rows[tile] ? 64 : 0;
            config.rows[tile] = static_cast<uint8_t>(rows[tile]);
        }
        __asm__ volatile("ldtilecfg %0" : : "m"(config));
    }
    AFS_FORCE void release() { __asm__ volatile("tilerelease"); }
    template <int t>
    AFS_FORCE void zero() {
        __asm__ volatile("tilezero %%tmm%c0" : : "i"(t));
    }
    template <int t, bool kFar = false>
    AFS_FORCE void load(const void* from, ptrdiff_t bytes) {
        if constexpr (kFar)
            __asm__ volatile("tileloaddt1 (%0,%1,1), %%tmm%c2"
                             :
                             : "r"(from), "r"(bytes), "i"(t)
                             : "memory");
        else
            __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2"
                             :
                             : "r"(from), "r"(bytes), "i"(t)
                             : "memory");
    }
    template <int t>
    AFS_FORCE void store(void* to, ptrdiff_t bytes) {
        __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)"
                         :
                         : "r"(to), "r"(bytes), "i"(t)
                         : "memory");
    }
    template <int sums, int x, int weights>
    AFS_FORCE void dot() {
        __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0"
                         :
                         : "i"(sums), "i"(x), "i"(weights));
    }
};

}  // namespace

void add_tiles(Kernels& kernels) {
    set_tile_functions<Tiles>(kernels, std::make_index_sequence<kCodings>());
    kernels.fill_keys = fill_keys, kernels.fill_values = fill_values;
    kernels.weigh_tiles = weigh_tiles;
}

}  // namespace afs::cpu
