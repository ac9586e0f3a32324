// attention/1 by matrix tiles, on a model of the tiles. Where there are some, suite_test.cpp runs
// the real ones.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "afs/numeric.hpp"
#include "model_tiles.hpp"
#include "ops/attention/tiles.hpp"
#include "support/trials.hpp"

using afs::bf16;
using afs::to_bf16;
using afs::to_float;
using namespace afs::cpu;

namespace {

constexpr uint32_t kBlockSize = 16, kKvHeads = 2, kHead = 1;

// A sequence of `context` positions in blocks that lie in reverse order, and its last tokens.
struct Sequence {
    size_t head_dim, context, n_tokens, group;
    afs_kv_layout layout = {};
    std::vector<int32_t> blocks;
    std::vector<bf16> k, v, q;

    Sequence(size_t hd, size_t positions, size_t tokens, size_t heads)
        : head_dim(hd), context(positions), n_tokens(tokens), group(heads) {
        layout.struct_size = sizeof layout, layout.dtype = AFS_BF16;
        layout.block_size = kBlockSize, layout.n_kv_heads = kKvHeads;
        layout.head_dim = static_cast<uint32_t>(hd);
        const auto width = static_cast<int64_t>(hd);
        const int64_t strides[4] = {width * kBlockSize * kKvHeads, width * kBlockSize, width, 1};
        std::memcpy(layout.k_stride, strides, sizeof strides);
        std::memcpy(layout.v_stride, strides, sizeof strides);
        const size_t n_blocks = (context + kBlockSize - 1) / kBlockSize;
        for (size_t b = n_blocks; b-- > 0;) blocks.push_back(static_cast<int32_t>(b));
        std::mt19937 random(static_cast<unsigned>(hd + positions + tokens + heads));
        std::normal_distribution<float> normal;
        k.resize(n_blocks * static_cast<size_t>(strides[0])), v.resize(k.size());
        q.resize(tokens * q_step());
        for (auto* all : {&k, &v, &q})
            for (bf16& each : *all) each = to_bf16(normal(random));
    }
    size_t q_step() const { return (group + 1) * head_dim; }  // another head's between tokens
    size_t at(size_t position) const {
        const auto block = static_cast<size_t>(blocks[position / kBlockSize]);
        return ((block * kKvHeads + kHead) * kBlockSize + position % kBlockSize) * head_dim;
    }
};

struct Result {
    std::vector<float> out;
    bool fits = false;
};

Result attend(Sequence& s, float scale) {
    Kernels kernels = model_tiles();
    kernels.panel_bf16_dot = [](const Panel&) {};  // only that it is there is asked
    kernels.divide = [](void* to, int32_t, const float* from, float by, size_t n) {
        for (size_t i = 0; i < n; ++i) static_cast<float*>(to)[i] = from[i] / by;
    };
    const Geometry g(kernels, AFS_BF16, s.layout, s.n_tokens * s.group + 3);
    const afs_kv kv = {s.k.data(), s.v.data(), &s.layout};
    const ChunkSource source = {kv, s.layout, s.blocks.data(), kHead};
    Result result;
    result.out.assign(s.n_tokens * s.q_step(), -9.0f);
    const TilePiece piece = {.q = reinterpret_cast<const char*>(s.q.data()),
                             .q_step = static_cast<ptrdiff_t>(s.q_step() * sizeof(bf16)),
                             .out = reinterpret_cast<char*>(result.out.data()),
                             .out_step = static_cast<ptrdiff_t>(s.q_step() * sizeof(float)),
                             .out_dtype = AFS_F32,
                             .n_tokens = s.n_tokens,
                             .group = s.group,
                             .context = s.context,
                             .scale = scale};
    result.fits = hidden_values_are_finite(g, source, piece);
    std::vector<float> scratch(attention_tiles_bytes(g) / sizeof(float) + 1, NAN);
    attend_by_tiles(kernels, g, source, piece, scratch.data());
    CHECK(std::isnan(scratch.back()));
    CHECK_FALSE(model_tiles_misused());
    return result;
}

// The largest |difference| from a softmax in double, relative to what rounded weights may cost.
double error(const Sequence& s, const std::vector<float>& out, float scale) {
    double worst = 0;
    for (size_t r = 0; r < s.n_tokens * s.group; ++r) {
        const size_t row = r / s.group * s.q_step() + r % s.group * s.head_dim;
        const size_t sees = s.context - s.n_tokens + 1 + r / s.group;
        std::vector<double> weight(sees);
        double largest = -INFINITY, total = 0;
        for (size_t p = 0; p < sees; ++p) {
            for (size_t d = 0; d < s.head_dim; ++d)
                weight[p] += double{to_float(s.q[row + d])} * to_float(s.k[s.at(p) + d]);
            weight[p] *= double{scale};
            largest = std::max(largest, weight[p]);
        }
        for (double& w : weight) total += w = std::exp(w - largest);
        for (size_t d = 0; d < s.head_dim; ++d) {
            double want = 0, sizes = 0;
            for (size_t p = 0; p < sees; ++p) {
                const double term = weight[p] / total * to_float(s.v[s.at(p) + d]);
                want += term, sizes += std::abs(term);
            }
            const double off = std::abs(double{out[row + d]} - want);
            worst = std::max(worst, off / (sizes / 256 + 1e-6));
            if (!(off < 1e30)) worst = INFINITY;
        }
    }
    return worst;
}

}  // namespace

TEST_CASE("attention tiles: any head, group, context and number of tokens") {
    int n = 0;
    for (const size_t head_dim : {1u, 8u, 32u, 40u, 64u, 96u, 128u})
        for (const size_t group : {1u, 3u, 4u, 8u})
            for (const size_t context : {1u, 16u, 63u, 64u, 65u, 130u, 200u})
                for (const size_t tokens : {size_t{1}, size_t{5}, size_t{16}, size_t{65}}) {
                    if (tokens > context || n++ % afs::test::one_of()) continue;
                    CAPTURE(head_dim, group, context, tokens);
                    Sequence s(head_dim, context, tokens, group);
                    const Result r = attend(s, 0.3f);
                    CHECK(r.fits);
                    CHECK(error(s, r.out, 0.3f) < 1.0);
                    bool kept = true;  // the other head's
                    for (size_t t = 0; t < tokens; ++t)
                        for (size_t d = group * head_dim; d < s.q_step(); ++d)
                            kept = kept && r.out[t * s.q_step() + d] == -9.0f;
                    CHECK(kept);
                }
}

TEST_CASE("attention tiles: a maximum that grows from chunk to chunk, and scores far apart") {
    Sequence s(64, 300, 10, 4);
    for (size_t p = 0; p < 300; ++p)
        for (size_t d = 0; d < 64; ++d)
            s.k[s.at(p) + d] = to_bf16(to_float(s.k[s.at(p) + d]) * static_cast<float>(p) / 20);
    CHECK(error(s, attend(s, 1.0f).out, 1.0f) < 1.0);
}

TEST_CASE("attention tiles: a value that some row must not see has to be finite") {
    for (const float bad : {NAN, INFINITY, -INFINITY}) {
        Sequence s(64, 100, 20, 1);
        s.v[s.at(81) + 63] = to_bf16(bad);  // the first token is at position 80
        CHECK_FALSE(attend(s, 1.0f).fits);
        s.v[s.at(81) + 63] = to_bf16(1.0f), s.v[s.at(80) + 2] = to_bf16(bad);
        const Result r = attend(s, 0.01f);
        CHECK(r.fits);  // all see it
        for (size_t t = 0; t < 20; ++t) {
            CHECK_FALSE(std::isfinite(r.out[t * s.q_step() + 2]));
            CHECK(std::isfinite(r.out[t * s.q_step() + 3]));
        }
    }
}

TEST_CASE("attention tiles: NaN in q or k stays with the rows that see it") {
    Sequence s(64, 100, 20, 2);
    s.k[s.at(90)] = to_bf16(NAN);
    const Result r = attend(s, 1.0f);
    for (size_t t = 0; t < 20; ++t) CHECK(std::isnan(r.out[t * s.q_step() + 5]) == (80 + t >= 90));
}
