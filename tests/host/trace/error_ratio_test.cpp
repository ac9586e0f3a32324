// Errors against exact values beside somebody else's.
#include "trace/error_ratio.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

using afs::error_ratio;

namespace {

std::vector<float> around(const std::vector<float>& exact, float size, uint64_t seed) {
    std::mt19937_64 generator(seed);
    std::normal_distribution<float> noise(0, size);
    std::vector<float> made;
    for (const float x : exact) made.push_back(x + noise(generator));
    return made;
}

}  // namespace

TEST_CASE("max and RMS are those of the differences") {
    const std::vector<float> exact = {0, 0, 0, 0}, got = {1, -1, 2, 0}, theirs = {0, 1, 0, 0};
    const auto ratio = error_ratio(got, exact, &theirs, 2);
    CHECK(ratio.max == 2);
    CHECK(ratio.rms == Approx(std::sqrt(6.0 / 4)));
    CHECK(ratio.their_max == 1);
    CHECK(ratio.their_rms == Approx(0.5));
    CHECK(error_ratio(got, exact, nullptr, 2).their_max == 0);
}

TEST_CASE("equally good results hold, worse ones do not, and few rows leave more to chance") {
    const std::vector<float> many(400 * 64, 1.0f), few(4 * 64, 1.0f);
    for (uint64_t seed = 1; seed < 40; ++seed) {
        const auto theirs = around(many, 0.01f, seed), theirs_few = around(few, 0.01f, seed);
        CAPTURE(seed);
        CHECK(error_ratio(around(many, 0.01f, 100 + seed), many, &theirs, 64).holds());
        CHECK(error_ratio(around(few, 0.01f, 100 + seed), few, &theirs_few, 64).holds());
        CHECK_FALSE(error_ratio(around(many, 0.014f, 100 + seed), many, &theirs, 64).holds());
    }
    const auto theirs = around(many, 0.01f, 1), theirs_few = around(few, 0.01f, 1);
    CHECK(error_ratio(around(many, 0.01f, 2), many, &theirs, 64).slack <
          error_ratio(around(few, 0.01f, 2), few, &theirs_few, 64).slack);
}

TEST_CASE("a NaN that exact lacks never holds, one that it has costs nothing") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> exact = {1, 2, 3, 4}, theirs = {1.1f, 2, 3, 4};
    CHECK_FALSE(error_ratio({1, nan, 3, 4}, exact, &theirs, 2).holds());
    CHECK(error_ratio({1, nan, 3, 4}, {1, nan, 3, 4}, &theirs, 2).max == 0);
}
