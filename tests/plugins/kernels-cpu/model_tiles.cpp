#include "model_tiles.hpp"

#include <atomic>
#include <cstring>
#include <utility>

#include "afs/numeric.hpp"
#include "simd/code_layout.hpp"
#include "simd/force_inline.hpp"

namespace afs::cpu {
namespace {

#include "simd/vec_portable.hpp"
// Vec comes first
#include "simd/rows.hpp"
// Vec and rows come first
#include "simd/panel.hpp"
// all of them come first
#include "simd/codes.hpp"
#include "simd/tiles.hpp"
// and tiles before it
#include "simd/attention_tiles.hpp"

// Eight registers of up to 16 rows of 64 bytes. What was not configured may not be used.
struct Tiles {
    static inline thread_local size_t rows[8];
    static inline thread_local char registers[8][16][64];
    static inline std::atomic<bool> misused;

    static void configure(size_t upper, size_t lower) {
        const size_t all[] = {upper, upper, lower, lower, upper, lower, kTile, 0};
        std::memcpy(rows, all, sizeof rows);
        std::memset(registers, 0xff, sizeof registers);
    }
    static void release() {
        use(rows[0] > 0);
        std::memset(rows, 0, sizeof rows);
    }
    static void use(bool right) {
        if (!right) misused = true;
    }
    template <int t>
    static void zero() {
        use(rows[t] > 0);
        std::memset(registers[t], 0, sizeof registers[t]);
    }
    template <int t, bool kFar = false>
    static void load(const void* from, ptrdiff_t bytes) {
        use(rows[t] > 0);
        for (size_t r = 0; r < rows[t]; ++r)
            std::memcpy(registers[t][r],
                        static_cast<const char*>(from) + static_cast<ptrdiff_t>(r) * bytes, 64);
    }
    template <int t>
    static void store(void* to, ptrdiff_t bytes) {
        use(rows[t] > 0);
        for (size_t r = 0; r < rows[t]; ++r)
            std::memcpy(static_cast<char*>(to) + static_cast<ptrdiff_t>(r) * bytes, registers[t][r],
                        64);
    }
    template <int sums, int x, int weights>
    static void dot() {
        use(rows[sums] == rows[x] && rows[x] > 0);
        for (size_t r = 0; r < rows[x]; ++r)
            for (size_t c = 0; c < 16; ++c) {
                float sum;
                std::memcpy(&sum, registers[sums][r] + 4 * c, 4);
                for (size_t pair = 0; pair < rows[weights]; ++pair) {
                    bf16 a[2], b[2];
                    std::memcpy(a, registers[x][r] + 4 * pair, 4);
                    std::memcpy(b, registers[weights][pair] + 4 * c, 4);
                    sum += to_float(a[0]) * to_float(b[0]) + to_float(a[1]) * to_float(b[1]);
                }
                std::memcpy(registers[sums][r] + 4 * c, &sum, 4);
            }
    }
};

}  // namespace

Kernels model_tiles() {
    Kernels kernels{};
    set_tile_functions<Tiles>(kernels, std::make_index_sequence<kCodings>());
    kernels.fill_keys = fill_keys, kernels.fill_values = fill_values;
    kernels.weigh_tiles = weigh_tiles;
    return kernels;
}

bool model_tiles_misused() {
    return Tiles::misused;
}

}  // namespace afs::cpu
