// The order of loads and products that simd/amx.cpp runs on tiles, here on a model of the tiles in
// plain C++: most machines have none. Where there are some, suite_test.cpp runs the real ones.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "afs/numeric.hpp"
#include "simd/code_layout.hpp"
#include "simd/force_inline.hpp"
#include "simd/kernels.hpp"
#include "support/trials.hpp"

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
#include "simd/panel.hpp"
#include "simd/tile_panel.hpp"
// all of them come first
#include "simd/codes.hpp"
#include "simd/tile_codes.hpp"

// x in tiles: [rows / 16][depth / 32][16][32].
size_t in_tiles(size_t row, size_t k, size_t depth) {
    return (row / 16 * depth + k / 32 * 32) * 16 + row % 16 * 32 + k % 32;
}

// Eight registers of up to 16 rows of 64 bytes. What was not configured may not be used.
struct Tiles {
    static inline size_t rows[8];
    static inline char registers[8][16][64];

    static void configure(size_t upper, size_t lower, size_t pairs) {
        const size_t all[] = {upper, upper, lower, lower, upper, lower, pairs, pairs};
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
        const size_t width = t == 4 || t == 5 ? 4 * rows[6] : 64;  // x: as many pairs as weights
        for (size_t r = 0; r < rows[t]; ++r)
            std::memcpy(registers[t][r],
                        static_cast<const char*>(from) + static_cast<ptrdiff_t>(r) * bytes, width);
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
    int n = 0;
    for (const size_t rows : {1u, 8u, 15u, 16u, 17u, 31u, 32u, 33u, 64u, 75u})
        for (const size_t columns : {1u, 16u, 31u, 32u, 33u, 64u})
            for (const size_t depth : {size_t{32}, size_t{96}, kTileCut + 32}) {
                if (n++ % afs::test::kOneOf) continue;
                const size_t out_pitch = columns + 3;
                std::vector<bf16> x((rows + 15) / 16 * 16 * depth), w(depth * kColumns);
                std::vector<float> sums(rows * kColumns);
                for (bf16& each : x) each = to_bf16(static_cast<float>(small(random)));
                for (bf16& each : w) each = to_bf16(static_cast<float>(small(random)));
                std::vector<float> out(rows * out_pitch, -9.0f);
                Panel panel{};
                panel.x = x.data(), panel.x_pitch = static_cast<ptrdiff_t>(depth);
                panel.w = w.data(), panel.w_end = w.data() + w.size();
                panel.sums = sums.data();
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
                            want +=
                                to_float(
                                    x[(r / 16 * depth + k / 32 * 32) * 16 + r % 16 * 32 + k % 32]) *
                                to_float(w[(k / 2 * kColumns + c) * 2 + k % 2]);
                        same = same && out[r * out_pitch + c] == want;
                    }
                CHECK(same);
                for (const size_t left : Tiles::rows) CHECK(left == 0);
            }
}

namespace {

// One block of random codes of a coding; weight(k, c) is what they say.
template <Coding kCoding>
struct RandomBlock {
    static constexpr CodeLayout of = kCodeLayouts[kCoding];
    std::vector<char> bytes;
    explicit RandomBlock(size_t depth, std::mt19937& random)
        : bytes(depth / of.span * of.span_bytes()) {
        for (char& each : bytes) each = static_cast<char>(random());
        for (size_t s = 0; s < depth / of.span; ++s)
            for (size_t i = 0; i < of.head_bytes() / 2; ++i) {
                const f16 scale = to_f16(static_cast<float>(1 + random() % 3) * 0.5f);
                std::memcpy(bytes.data() + s * of.span_bytes() + 2 * i, &scale, 2);
            }
    }
    float weight(size_t k, size_t c) const {
        const char* head = bytes.data() + k / of.span * of.span_bytes();
        const char* fine = head + of.head_bytes() + k % of.span / of.group * of.group_bytes();
        const char* codes = fine + of.fine_bytes();
        const size_t j = k % of.group;
        int code;
        if (of.bits == 8) {
            code = static_cast<int8_t>(codes[(j / 2 * kColumns + c) * 2 + j % 2]);
        } else {
            uint32_t word;
            std::memcpy(&word, codes + (j / 8 * kColumns + c) * 4, 4);
            code = static_cast<int>(word >> (j % 8 / 2 + j % 2 * 4) * 4 & 15) - 8;
        }
        f16 half;
        std::memcpy(&half, head + 2 * c, 2);
        float scale = to_float(half), minimum = 0;
        if (of.fine) scale *= static_cast<float>(static_cast<int8_t>(fine[c]));
        if (of.minimum) {
            std::memcpy(&half, head + 2 * (kColumns + c), 2);
            minimum = to_float(half);
            if (of.fine) minimum *= -static_cast<float>(static_cast<uint8_t>(fine[kColumns + c]));
        }
        return scale * static_cast<float>(code + of.centre) + minimum;
    }
};

// Whole numbers in x: every sum is exact in fp32 whatever its order.
template <Coding kCoding>
void check_code_tiles() {
    std::mt19937 random(5);
    const size_t depth = 512;
    const RandomBlock<kCoding> block(depth, random);
    int n = 0;
    for (const size_t rows : {1u, 16u, 19u, 32u, 75u})
        for (const auto& [first, columns] :
             {std::pair{0u, 64u}, std::pair{32u, 32u}, std::pair{0u, 45u}}) {
            if (n++ % afs::test::kOneOf) continue;
            const size_t n_groups = depth / kDepth, out_pitch = columns + 3;
            std::vector<bf16> x(rows * depth), tiles((rows + 15) / 16 * 16 * depth);
            std::vector<float> x_sums(rows * n_groups), sums(rows * kColumns), expanded(kExpanded),
                out(rows * out_pitch, -9.0f);
            for (size_t i = 0; i < x.size(); ++i) {
                const float value = static_cast<float>(random() % 3) - 1.0f;
                x[i] = to_bf16(value);
                x_sums[i / kDepth] += value;
                tiles[in_tiles(i / depth, i % depth, depth)] = x[i];
            }
            Panel panel{};
            panel.x = tiles.data(), panel.x_pitch = static_cast<ptrdiff_t>(depth);
            panel.w = block.bytes.data();
            panel.rows = rows, panel.depth = depth, panel.columns = columns;
            panel.first_column = first;
            panel.x_sums = x_sums.data(), panel.x_sums_pitch = static_cast<ptrdiff_t>(n_groups);
            panel.sums = sums.data(), panel.expanded = expanded.data();
            panel.out = out.data(), panel.out_dtype = AFS_F32;
            panel.out_pitch = static_cast<ptrdiff_t>(out_pitch);
            tile_code_panel<Tiles, kCoding>(panel);
            CAPTURE(kCoding, rows, first, columns);
            double worst = 0;
            for (size_t r = 0; r < rows; ++r)
                for (size_t c = 0; c < out_pitch; ++c) {
                    double want = c < columns ? 0.0 : -9.0, size = 1;
                    for (size_t k = 0; c < columns && k < depth; ++k) {
                        const double w = block.weight(k, first + c);
                        want += static_cast<double>(to_float(x[r * depth + k])) * w;
                        size += std::abs(w);
                    }
                    worst = std::max(
                        worst, std::abs(static_cast<double>(out[r * out_pitch + c]) - want) / size);
                }
            CHECK(worst < 1e-7);
            for (const size_t left : Tiles::rows) CHECK(left == 0);
        }
}

}  // namespace

TEST_CASE("tiles: every kind of codes, any number of rows, parts of a block") {
    check_code_tiles<kNibbles>();
    check_code_tiles<kNibblesMinimum>();
    check_code_tiles<kNibblesFine>();
    check_code_tiles<kBytes>();
    check_code_tiles<kBytesMinimum>();
    check_code_tiles<kBytesFine>();
    check_code_tiles<kBytesFineSixteen>();
}
