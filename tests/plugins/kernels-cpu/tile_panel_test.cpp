// The order of loads and products that simd/amx.cpp runs on tiles, here on a model of the tiles in
// plain C++: most machines have none. Where there are some, suite_test.cpp runs the real ones.
#include <catch2/catch.hpp>

#include <cstring>
#include <random>
#include <vector>

#include "afs/numeric.hpp"
#include "simd/force_inline.hpp"
#include "simd/kernels.hpp"

using afs::bf16;
using afs::f16;
using afs::from_float;
using afs::to_bf16;
using afs::to_f16;
using afs::to_float;
using namespace afs::cpu;

namespace {

#include "simd/vec_portable.hpp"
// Vec comes first
#include "simd/rows.hpp"
// Vec and rows come first
#include "simd/tile_panel.hpp"

// Eight registers of up to 16 rows of 64 bytes. What was not configured may not be used.
struct Tiles {
    static inline size_t rows[8];
    static inline char registers[8][16][64];

    static void configure(size_t upper, size_t lower) {
        const size_t all[] = {upper, upper, lower, lower, upper, lower, 16, 16};
        std::memcpy(rows, all, sizeof rows);
        std::memset(registers, 0xff, sizeof registers);
    }
    static void release() { std::memset(rows, 0, sizeof rows); }
    template <int t>
    static void zero() {
        REQUIRE(rows[t] > 0);
        std::memset(registers[t], 0, sizeof registers[t]);
    }
    template <int t>
    static void load(const void* from, ptrdiff_t bytes) {
        REQUIRE(rows[t] > 0);
        for (size_t r = 0; r < rows[t]; ++r)
            std::memcpy(registers[t][r],
                        static_cast<const char*>(from) + static_cast<ptrdiff_t>(r) * bytes, 64);
    }
    template <int t>
    static void store(void* to, ptrdiff_t bytes) {
        REQUIRE(rows[t] > 0);
        for (size_t r = 0; r < rows[t]; ++r)
            std::memcpy(static_cast<char*>(to) + static_cast<ptrdiff_t>(r) * bytes, registers[t][r],
                        64);
    }
    template <int sums, int x, int weights>
    static void dot() {
        REQUIRE(rows[sums] == rows[x]);
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

TEST_CASE("tiles: any number of rows and columns, and nothing beyond them is written") {
    std::mt19937 random(3);
    std::uniform_int_distribution<int> small(-4, 4);  // exact in any order
    for (const size_t rows : {1u, 8u, 15u, 16u, 17u, 31u, 32u, 33u, 64u, 75u})
        for (const size_t columns : {1u, 16u, 31u, 32u, 33u, 64u})
            for (const size_t depth : {32u, 96u}) {
                const size_t pitch = depth + 7, out_pitch = columns + 3;
                std::vector<bf16> x(rows * pitch), w(depth * kColumns);
                for (bf16& each : x) each = to_bf16(static_cast<float>(small(random)));
                for (bf16& each : w) each = to_bf16(static_cast<float>(small(random)));
                std::vector<float> out(rows * out_pitch, -9.0f);
                Panel panel{};
                panel.x = x.data(), panel.x_pitch = static_cast<ptrdiff_t>(pitch);
                panel.w = w.data();
                panel.rows = rows, panel.depth = depth, panel.columns = columns;
                panel.out = out.data(), panel.out_dtype = AFS_F32;
                panel.out_pitch = static_cast<ptrdiff_t>(out_pitch);
                tile_panel<Tiles>(panel);
                CAPTURE(rows, columns, depth);
                bool same = true;
                for (size_t r = 0; r < rows; ++r)
                    for (size_t c = 0; c < out_pitch; ++c) {
                        float want = c < columns ? 0.0f : -9.0f;
                        for (size_t k = 0; c < columns && k < depth; ++k)
                            want += to_float(x[r * pitch + k]) *
                                    to_float(w[(k / 2 * kColumns + c) * 2 + k % 2]);
                        same = same && out[r * out_pitch + c] == want;
                    }
                CHECK(same);
                for (const size_t left : Tiles::rows) CHECK(left == 0);
            }
}
