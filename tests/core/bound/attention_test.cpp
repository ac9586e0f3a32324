// Attention's judge against simulated kernels that round their weights before the product with v:
// in order where they say so, out of bounds where they claim fp32 inside.
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "afs/abi/ops.h"
#include "afs/bound/judge.hpp"
#include "afs/bound/verdict.hpp"
#include "afs/numeric.hpp"

using namespace afs;
using namespace afs::bound;

namespace {

constexpr size_t kContext = 300, kHeadDim = 64;

struct Case {
    std::vector<double> q, k, v;
    afs_attention_params params;
};

Case make_case(double scores, int32_t dtype) {
    std::mt19937 random(7);
    std::normal_distribution<double> normal;
    const auto draw = [&](size_t n, double scale) {
        std::vector<double> all(n);
        for (double& x : all) {
            const auto y = static_cast<float>(scale * normal(random));
            x = dtype == AFS_BF16 ? to_float(to_bf16(y)) : to_float(to_f16(y));
        }
        return all;
    };
    Case c;
    c.q = draw(kHeadDim, scores);
    c.k = draw(kContext * kHeadDim, 1);
    c.v = draw(kContext * kHeadDim, 1);
    c.params = {};
    c.params.n_heads = c.params.n_kv_heads = 1;
    c.params.head_dim = kHeadDim;
    c.params.scale = 0.125f;
    return c;
}

// As FlashAttention does it: exp(score - max) rounded, summed up unrounded, divided at the end.
std::vector<double> attend(const Case& c, int32_t dtype, double factor = 1) {
    std::vector<double> weights(kContext), out(kHeadDim);
    double max = -INFINITY, sum = 0;
    for (size_t t = 0; t < kContext; ++t) {
        for (size_t d = 0; d < kHeadDim; ++d) weights[t] += c.q[d] * c.k[t * kHeadDim + d] / 8;
        max = std::max(max, weights[t]);
    }
    for (double& w : weights) sum += w = std::exp(w - max);
    for (size_t d = 0; d < kHeadDim; ++d) {
        double total = 0;
        for (size_t t = 0; t < kContext; ++t) {
            const auto w = static_cast<float>(weights[t]);
            total += c.v[t * kHeadDim + d] *
                     (dtype == AFS_BF16 ? to_float(to_bf16(w)) : to_float(to_f16(w)));
        }
        const auto y = static_cast<float>(factor * total / sum);
        out[d] = dtype == AFS_BF16 ? to_float(to_bf16(y)) : to_float(to_f16(y));
    }
    return out;
}

Verdict judge(const Case& c, int32_t dtype, int32_t internal, const std::vector<double>& y) {
    Arithmetic how;
    how.out_dtype = dtype;
    how.acc_dtype = AFS_F32;
    how.internal_dtype = internal;
    how.flags = 0;
    return verdict(y.data(),
                   judge_attention(c.q.data(), c.k.data(), c.v.data(), kContext, c.params, how));
}

}  // namespace

TEST_CASE("attention: weights rounded as declared are in order, undeclared ones are not") {
    for (const int32_t dtype : {AFS_BF16, AFS_F16})
        for (const double scores : {0.0, 1.0, 20.0}) {  // flat to one position alone
            const Case c = make_case(scores, dtype);
            INFO(dtype_name(dtype) << ", scores of " << scores);
            const auto y = attend(c, dtype);
            CHECK(judge(c, dtype, dtype, y).ok());
            if (scores == 1.0) CHECK(!judge(c, dtype, AFS_F32, y).ok());
        }
}

TEST_CASE("attention: a result 2 % too large is caught whatever the weights are rounded to") {
    for (const int32_t dtype : {AFS_BF16, AFS_F16}) {
        const Case c = make_case(1.0, dtype);
        INFO(dtype_name(dtype));
        CHECK(!judge(c, dtype, dtype, attend(c, dtype, 1.02)).ok());
    }
}

TEST_CASE("attention: flushed products are granted only where flushing is declared") {
    const std::vector<double> q = {1}, k = {0, 0},
                              v = {0x1.8p-126, 0x1.8p-126};  // normal, halves not
    afs_attention_params params = {};
    params.n_heads = params.n_kv_heads = params.head_dim = 1;
    params.scale = 1;
    const double out = 0;  // of 1.5 * 2^-126
    const auto judged = [&](uint32_t flags) {
        return judge_attention(q.data(), k.data(), v.data(), 2, params,
                               {AFS_F32, AFS_F32, AFS_F32, flags});
    };
    CHECK(verdict(&out, judged(AFS_FLUSH_SUBNORMALS)).ok());
    CHECK(verdict(&out, judged(0)).over());
    const double far = -0x1p-124;
    CHECK(verdict(&far, judged(AFS_FLUSH_SUBNORMALS)).over());
}
