// AMX's tiles, with AVX-512 around them. Compiled with those flags: nothing here runs before the
// check, nor before the system gave the process its tiles.
#include <immintrin.h>

#include "afs/numeric.hpp"  // the element types only
#include "simd/force_inline.hpp"
#include "simd/kernels.hpp"

namespace afs::cpu {
namespace {

#include "simd/vec_avx512.hpp"
// Vec comes first
#include "simd/rows.hpp"
// Vec and rows come first
#include "simd/tile_panel.hpp"

// In assembly: the compilers' intrinsics want the numbers of tiles as literals in a macro.
struct Tiles {
    struct alignas(64) Config {
        uint8_t palette, start_row, reserved[14];
        uint16_t bytes_per_row[16];
        uint8_t rows[16];
    };
    AFS_FORCE void configure(size_t upper, size_t lower) {
        Config config{};
        config.palette = 1;
        const auto rows = [&](int tile, size_t n) {
            config.bytes_per_row[tile] = n ? 64 : 0;
            config.rows[tile] = static_cast<uint8_t>(n);
        };
        rows(0, upper), rows(1, upper), rows(4, upper);
        rows(2, lower), rows(3, lower), rows(5, lower);
        rows(6, kTile), rows(7, kTile);
        __asm__ volatile("ldtilecfg %0" : : "m"(config));
    }
    AFS_FORCE void release() { __asm__ volatile("tilerelease"); }
    template <int t>
    AFS_FORCE void zero() {
        __asm__ volatile("tilezero %%tmm%c0" : : "i"(t));
    }
    template <int t>
    AFS_FORCE void load(const void* from, ptrdiff_t bytes) {
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

void amx_panel_bf16(const Panel& panel) {
    tile_panel<Tiles>(panel);
}

}  // namespace afs::cpu
