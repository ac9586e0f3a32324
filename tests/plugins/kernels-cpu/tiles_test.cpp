// linear/1 by matrix tiles: the op's own tasks, on a model of the tiles. Where there are some,
// suite_test.cpp runs the real ones.
#include "ops/linear/tiles.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <random>
#include <vector>

#include "afs/dequantise.hpp"
#include "afs/numeric.hpp"
#include "model_tiles.hpp"
#include "support/trials.hpp"

using afs::bf16;
using afs::f16;
using afs::to_bf16;
using afs::to_f16;
using afs::to_float;
using namespace afs::cpu;

namespace {

// Matrix [rows, depth] of a dtype whose weights, as bf16, are small multiples of a half: with whole
// numbers in x every sum is exact in fp32 whatever its order.
struct Weights {
    int32_t dtype;
    size_t depth, row_bytes;
    std::vector<char> bytes;

    Weights(int32_t type, size_t rows, size_t k, std::mt19937& random)
        : dtype(type), depth(k), row_bytes(afs::dtype_bytes(type, k)), bytes(rows * row_bytes) {
        for (char& each : bytes) each = static_cast<char>(random());
        if (type == AFS_BF16) {
            for (size_t i = 0; i < rows * k; ++i) {
                const bf16 value = to_bf16(static_cast<float>(random() % 9) - 4.0f);
                std::memcpy(bytes.data() + 2 * i, &value, 2);
            }
            return;
        }
        const size_t span = type == AFS_Q4_K || type == AFS_Q5_K || type == AFS_Q6_K ? 256 : 32;
        const size_t block = afs::dtype_bytes(type, span);
        for (size_t at = 0; at < bytes.size(); at += block)
            for (size_t place : {size_t{0}, size_t{2}}) {
                const bool has_minimum =
                    type == AFS_Q4_1 || type == AFS_Q5_1 || type == AFS_Q4_K || type == AFS_Q5_K;
                if (place && !has_minimum) continue;
                const f16 scale = to_f16(static_cast<float>(1 + random() % 3) * 0.5f);
                std::memcpy(bytes.data() + at + (type == AFS_Q6_K ? 208 : place), &scale, 2);
            }
    }
    afs_tensor tensor() const {
        afs_tensor t = {};
        t.data = const_cast<char*>(bytes.data());
        t.dtype = dtype, t.rank = 2;
        t.dims[0] = static_cast<int64_t>(bytes.size() / row_bytes);
        t.dims[1] = t.strides[0] = static_cast<int64_t>(depth);
        t.strides[1] = 1;
        return t;
    }
};

template <class T>
afs_tensor matrix(std::vector<T>& data, int32_t dtype, size_t rows, size_t cols, size_t pitch) {
    afs_tensor t = {};
    t.data = data.data(), t.dtype = dtype, t.rank = 2;
    t.dims[0] = static_cast<int64_t>(rows), t.dims[1] = static_cast<int64_t>(cols);
    t.strides[0] = static_cast<int64_t>(pitch), t.strides[1] = 1;
    return t;
}

void check(int32_t dtype, size_t rows, size_t columns, size_t depth, bool packed_before,
           unsigned threads) {
    CAPTURE(afs::dtype_name(dtype), rows, columns, depth, packed_before, threads);
    std::mt19937 random(static_cast<unsigned>(rows + columns + depth));
    const Weights weights(dtype, columns, depth, random);
    const Packed packed(dtype, static_cast<int64_t>(columns), static_cast<int64_t>(depth));
    std::vector<char> blocks(packed.bytes());
    afs_tensor weight = weights.tensor();
    for (size_t b = 0; b < packed.n_blocks; ++b)
        pack_block(packed, weight, b, blocks.data() + b * packed.block_bytes);
    std::vector<float> w(columns * depth);
    for (size_t c = 0; c < columns; ++c) {
        std::vector<float> row(depth);
        if (dtype == AFS_BF16)
            for (size_t k = 0; k < depth; ++k) {
                bf16 one;
                std::memcpy(&one, weights.bytes.data() + (c * depth + k) * 2, 2);
                row[k] = to_float(one);
            }
        else
            REQUIRE(afs::dequantise(dtype, weights.bytes.data() + c * weights.row_bytes, row.data(),
                                    depth));
        for (size_t k = 0; k < depth; ++k) w[c * depth + k] = to_float(to_bf16(row[k]));
    }
    if (packed_before) weight.data = blocks.data(), weight.format = kPackedFormat;

    const size_t x_pitch = depth + 5, out_pitch = columns + 3;
    std::vector<bf16> x(rows * x_pitch);
    for (bf16& each : x) each = to_bf16(static_cast<float>(random() % 3) - 1.0f);
    std::vector<bf16> out(rows * out_pitch, to_bf16(-9.0f));
    std::vector<char> workspace(tile_workspace(packed, threads) + 64, '\x5a');
    Pool pool(threads);
    const size_t threads_there = pool.size();
    multiply_by_tiles(model_tiles(), pool, packed, matrix(x, AFS_BF16, rows, depth, x_pitch),
                      weight, matrix(out, AFS_BF16, rows, columns, out_pitch), workspace.data());
    bool same = true;
    for (size_t r = 0; r < rows; ++r)
        for (size_t c = 0; c < out_pitch; ++c) {
            float want = c < columns ? 0.0f : -9.0f;
            for (size_t k = 0; c < columns && k < depth; ++k)
                want += to_float(x[r * x_pitch + k]) * w[c * depth + k];
            same = same && out[r * out_pitch + c].bits == to_bf16(want).bits;
        }
    CHECK(same);
    CHECK_FALSE(model_tiles_misused());
    bool kept = true;
    for (size_t i = tile_workspace(packed, threads_there); i < workspace.size(); ++i)
        kept = kept && workspace[i] == '\x5a';
    CHECK(kept);
}

}  // namespace

TEST_CASE("tiles: any number of rows, columns and threads, and nothing beyond them is written") {
    int n = 0;
    for (const size_t rows : {1u, 8u, 15u, 16u, 17u, 31u, 33u, 75u, 300u, 530u})
        for (const size_t columns : {1u, 16u, 31u, 33u, 64u, 65u, 200u})
            for (const size_t depth : {size_t{32}, size_t{75}, kTilePart + 32})
                for (const unsigned threads : {1u, 2u}) {
                    if (n++ % (rows > 75 ? 7 : 1) || n % afs::test::one_of()) continue;
                    check(AFS_BF16, rows, columns, depth, n % 3 > 0, threads);
                }
}

TEST_CASE("tiles: more blocks of weights than one task takes") {
    check(AFS_BF16, 40, 2200, 544, true, 1);
    check(AFS_Q8_0, 40, 2200, 544, true, 2);
    check(AFS_Q8_0, 270, 650, kTilePart + 32, true, 3);
}

TEST_CASE("tiles: every block format, packed before and on the way") {
    for (const afs::BlockFormat& format : afs::kBlockFormats)
        for (const size_t rows : {8u, 19u, 75u})
            for (const bool packed : {true, false}) check(format.dtype, rows, 77, 768, packed, 1);
}
