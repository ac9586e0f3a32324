// The rules on hand-made judgements, and the number formats they stand on.
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "afs/bound/judge.hpp"
#include "afs/bound/verdict.hpp"
#include "afs/numeric.hpp"

using namespace afs;
using namespace afs::bound;

namespace {

Judged four(double want) {
    Judged j;
    j.rows = j.cols = 2, j.out_dtype = AFS_BF16;
    j.want.assign(4, want);
    j.bound.assign(4, 1.0);
    j.spread.assign(4, 0.5);
    j.shared.assign(4, 0.0);
    return j;
}

}  // namespace

TEST_CASE("formats: half ulps, roundoff and limits") {
    CHECK(unit_roundoff(AFS_F32) == 0x1p-24);
    CHECK(unit_roundoff(AFS_F16) == 0x1p-11);
    CHECK(unit_roundoff(AFS_BF16) == 0x1p-8);
    CHECK(half_ulp(AFS_F32, 1.0) == 0x1p-24);
    CHECK(half_ulp(AFS_BF16, 1.5) == 0x1p-8);
    CHECK(half_ulp(AFS_BF16, -4.0) == 0x1p-6);
    CHECK(half_ulp(AFS_F16, 0.0) == 0x1p-25);      // half the smallest subnormal
    CHECK(half_ulp(AFS_F16, 0x1p-20) == 0x1p-25);  // subnormals are evenly spaced
    CHECK(half_ulp(AFS_F16, 1e30) == 0x1p4);       // as at the largest finite
    CHECK(largest_finite(AFS_F16) == 65504);
    CHECK(largest_finite(AFS_F32) == static_cast<double>(3.40282347e38f));
    CHECK(smallest_normal(AFS_F16) == 0x1p-14);
}

TEST_CASE("verdict: H finds the worst element") {
    const double y[] = {10.5, 10, 11.5, 10};
    const Verdict v = verdict(y, four(10));
    CHECK(v.n_over == 1);
    CHECK(v.worst == 2);
    CHECK(v.got == 11.5);
    CHECK(v.worst_ratio == 1.5);
    CHECK(v.worst_ulps == 24);  // neighbours at 10 are 2^-4 apart
    CHECK_FALSE(v.ok());
}

TEST_CASE("verdict: NaN and infinity must be where they belong") {
    const double nan[] = {NAN, NAN, NAN, NAN}, inf[] = {INFINITY, INFINITY, INFINITY, INFINITY};
    const double finite[] = {10, 10, 10, 10};
    CHECK(verdict(nan, four(NAN)).ok());
    CHECK(verdict(inf, four(INFINITY)).ok());
    CHECK(verdict(finite, four(NAN)).over());
    CHECK(verdict(nan, four(10)).n_over == 4);
    CHECK(verdict(inf, four(-INFINITY)).over());
    CHECK(verdict(inf, four(10)).over());
    CHECK(verdict(inf, four(3.4e38)).ok());  // rounds to infinity in bf16
    CHECK(verdict(inf, four(-3.4e38)).over());
}

TEST_CASE("verdict: a bias within H and S is found, overall, by row, by column, towards zero") {
    const size_t rows = 40, cols = 50;
    std::mt19937 random(1);
    std::normal_distribution<double> normal(0, 100);
    std::vector<double> r(rows * cols), y(rows * cols);
    Judged j;
    j.rows = rows, j.cols = cols, j.out_dtype = AFS_BF16;
    for (double& v : r) v = normal(random);
    j.want = r;
    j.shared.assign(r.size(), 0);
    for (const double v : r) {
        j.bound.push_back(half_ulp(AFS_BF16, v) * 1.01);
        j.spread.push_back(half_ulp(AFS_BF16, v) / std::sqrt(3.0));
    }
    const auto shifted = [&](auto&& pick, auto&& by) {
        for (size_t i = 0; i < r.size(); ++i) {
            const double nearest = to_float(to_bf16(static_cast<float>(r[i])));
            y[i] = pick(i) ? r[i] + by(i) * half_ulp(AFS_BF16, r[i]) : nearest;
        }
        return verdict(y.data(), j);
    };
    const auto none = [](size_t) { return false; };
    const auto all = [](size_t) { return true; };
    const auto up = [](size_t) { return 0.9; };
    CHECK(shifted(none, up).ok());
    CHECK(shifted(all, up).biased == "overall");
    const Verdict zero = shifted(all, [&](size_t i) { return r[i] > 0 ? -0.9 : 0.9; });
    CHECK(zero.biased == "towards zero");
    CHECK(zero.is_biased());
    CHECK_FALSE(zero.over());
    const Verdict column = shifted([](size_t i) { return i % cols == 7; }, up);
    CHECK(column.biased == "column 7");
    CHECK_FALSE(column.over());
}

TEST_CASE("verdict: roundings that lean since rows resemble each other are no bias") {
    // One row's x, and others on its grid: each sum in column 0 lies 3/8 of a step above a value.
    const size_t rows = 100;
    std::vector<double> a, b, y;
    for (size_t i = 0; i < rows; ++i)
        for (size_t c = 0; c < 300; ++c) {
            a.push_back(c == 0 ? 0.375 * 0x1p-7 : static_cast<double>(c));
            b.push_back(c == 0 ? 1 + static_cast<double>(i % 64) * 0x1p-7 : 0);
        }
    const Judged j = judge_add(a.data(), b.data(), rows, 300, {AFS_F32, AFS_F32, AFS_BF16});
    for (size_t i = 0; i < a.size(); ++i)
        y.push_back(to_float(to_bf16(static_cast<float>(a[i] + b[i]))));
    CHECK(verdict(y.data(), j).ok());
    for (size_t i = 0; i < y.size(); i += 300) y[i] += 0x1p-7;  // rounded up instead
    CHECK(verdict(y.data(), j).biased == "column 0 mod 128");
}

TEST_CASE("exact comparison names the first byte that differs") {
    const uint8_t a[] = {1, 2, 3}, b[] = {1, 2, 4};
    CHECK(first_difference(a, b, 3) == 2);
    CHECK(first_difference(a, b, 2) == SIZE_MAX);
}

TEST_CASE("fp16 widens exactly, all 65536 values") {
    for (uint32_t bits = 0; bits < 65536; ++bits) {
        const float wide = to_float(f16{static_cast<uint16_t>(bits)});
        const int exponent = static_cast<int>(bits >> 10 & 31);
        const double mantissa = bits & 1023;
        double want = exponent == 0    ? std::ldexp(mantissa, -24)
                      : exponent == 31 ? (mantissa == 0 ? INFINITY : NAN)
                                       : std::ldexp(1024 + mantissa, exponent - 25);
        if (bits & 0x8000) want = -want;
        if (std::isnan(want))
            REQUIRE(std::isnan(wide));
        else
            REQUIRE((wide == want && std::signbit(wide) == std::signbit(want)));
    }
}
