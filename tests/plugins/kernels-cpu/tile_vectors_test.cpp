// What AMX's kernels do beside the tile operations is AVX-512: run where there is that, tiles or
// not, and compared with the same loops on four lanes (model_tiles.cpp).
#include <catch2/catch.hpp>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "afs/numeric.hpp"
#include "machine/instruction_set.hpp"
#include "model_tiles.hpp"
#include "simd/code_layout.hpp"

using namespace afs::cpu;

namespace {

constexpr size_t kRows = 64;  // of attention

bool runs_here() {
    const auto runs = choose(this_processor(), "avx512");
    if (!runs) std::printf("skipped: %s\n", runs.status().message().c_str());
    return static_cast<bool>(runs);
}

Kernels amx() {
    Kernels kernels{};
    add_tiles(kernels);
    return kernels;
}

// fp16 scales of 8 significant bits: what the four lanes round twice is then exact.
std::vector<char> random_block(int coding, size_t depth, std::mt19937& random) {
    const size_t bytes =
        coding < 0 ? depth * kColumns * 2
                   : depth / kCodeLayouts[coding].span * kCodeLayouts[coding].span_bytes();
    std::vector<char> block(bytes);
    for (char& each : block) each = static_cast<char>(random());
    const auto put = [&](size_t at, uint16_t bits) { std::memcpy(&block[at], &bits, sizeof bits); };
    if (coding < 0)
        for (size_t at = 0; at < bytes; at += 2)
            put(at, static_cast<uint16_t>(0x3c00 + random() % 0x400));
    else
        for (size_t span = 0; span < bytes; span += kCodeLayouts[coding].span_bytes())
            for (size_t at = 0; at < kCodeLayouts[coding].head_bytes(); at += 2)
                put(span + at,
                    static_cast<uint16_t>(random() % 2 << 15 | (8 + random() % 12) << 10 |
                                          (random() % 128) << 3));
    return block;
}

struct Weighed {
    std::vector<float> scores, max, total, sums;
    std::vector<uint16_t> weights;
};

float of_bf16(uint16_t bits) {
    const uint32_t word = uint32_t{bits} << 16;
    float x;
    std::memcpy(&x, &word, sizeof x);
    return x;
}
bool near(float a, float b, float relative) {
    return a == b || std::abs(a - b) <= relative * std::max(std::abs(a), std::abs(b)) + 1e-30f;
}

}  // namespace

TEST_CASE("tile vectors: tiles of weights of every kind, bit for bit") {
    if (!runs_here()) return;
    std::mt19937 random(1);
    for (int coding = -1; coding < kCodings; ++coding)
        for (const size_t depth : {size_t{256}, size_t{768}}) {
            CAPTURE(coding, depth);
            const size_t begin = kTilePart;
            const std::vector<char> block = random_block(coding, begin + depth, random);
            std::vector<uint16_t> made[2];
            size_t side = 0;
            for (const Kernels& kernels : {model_tiles(), amx()}) {
                std::vector<uint16_t>& to = made[side++];
                to.assign(depth * kColumns, 0xffff);
                const TileFill fill = {to.data(), block.data(), begin, begin + depth};
                (coding < 0 ? kernels.tiles_of_bf16 : kernels.tiles_of_codes[coding]).fill(fill);
            }
            CHECK(made[0] == made[1]);
        }
}

TEST_CASE("tile vectors: keys and values, bit for bit") {
    if (!runs_here()) return;
    std::mt19937 random(2);
    for (const size_t head_dim : {64u, 80u, 128u})
        for (const size_t n : {1u, 17u, 64u}) {
            CAPTURE(head_dim, n);
            std::vector<uint16_t> rows(n * head_dim);
            for (uint16_t& each : rows) each = static_cast<uint16_t>(0x3c00 + random() % 0x400);
            std::vector<const char*> row(n);
            for (size_t i = 0; i < n; ++i)
                row[i] = reinterpret_cast<const char*>(rows.data() + i * head_dim);
            const size_t depth = (head_dim + kDepth - 1) / kDepth * kDepth;
            const size_t width = (head_dim + kColumns - 1) / kColumns * kColumns;
            std::vector<uint16_t> keys[2], values[2];
            size_t side = 0;
            for (const Kernels& kernels : {model_tiles(), amx()}) {
                keys[side].assign(kColumns * depth, 0xffff);
                values[side].assign(kColumns * width, 0xffff);
                kernels.fill_keys(keys[side].data(), row.data(), n, head_dim);
                kernels.fill_values(values[side].data(), row.data(), n, head_dim);
                ++side;
            }
            CHECK(keys[0] == keys[1]);
            CHECK(values[0] == values[1]);
        }
}

TEST_CASE("tile vectors: scores become weights, each row's by its own largest") {
    if (!runs_here()) return;
    std::mt19937 random(3);
    std::uniform_real_distribution<float> uniform(-20, 20);
    for (int trial = 0; trial < 300; ++trial) {
        Weighed start = {std::vector<float>(kRows * kColumns), std::vector<float>(kRows),
                         std::vector<float>(kRows), std::vector<float>(2 * kRows * kColumns),
                         std::vector<uint16_t>(kRows * kColumns)};
        for (auto* all : {&start.scores, &start.max, &start.sums})
            for (float& each : *all) each = uniform(random);
        for (float& each : start.total) each = 30 + uniform(random);
        TileWeights p = {};
        p.rows = 1 + random() % kRows, p.n = 1 + random() % kColumns;
        p.first_sees = static_cast<ptrdiff_t>(random() % 80) - 8, p.group = 1 + random() % 5;
        p.scale = 0.125f, p.first = random() % 2, p.width = 2 * kColumns, p.sums_rows = kRows;
        Weighed by[2] = {start, start};
        size_t side = 0;
        for (const Kernels& kernels : {model_tiles(), amx()}) {
            Weighed& to = by[side++];
            p.scores = to.scores.data(), p.weights = to.weights.data(), p.max = to.max.data();
            p.total = to.total.data(), p.sums = to.sums.data();
            kernels.weigh_tiles(p);
        }
        CAPTURE(trial, p.rows, p.n, p.first_sees, p.group, p.first);
        bool same = true;
        for (size_t i = 0; i < start.weights.size(); ++i)  // a rounding apart
            same = same && near(of_bf16(by[0].weights[i]), of_bf16(by[1].weights[i]), 0x1p-7f);
        for (size_t r = 0; r < p.rows; ++r)
            same = same && near(by[0].max[r], by[1].max[r], 1e-6f) &&
                   near(by[0].total[r], by[1].total[r], 1e-5f);
        for (size_t i = 0; i < start.sums.size(); ++i)
            same = same && near(by[0].sums[i], by[1].sums[i], 1e-5f);
        REQUIRE(same);
    }
}
