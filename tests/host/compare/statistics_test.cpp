// Estimates from paired and unpaired samples, and the verdict over them.
#include "compare/statistics.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "compare/timing.hpp"

using namespace afs;

TEST_CASE("the middle of pairwise averages, which wild samples do not move") {
    CHECK(paired({1, 2, 3}).estimate == 2);
    CHECK(paired({1, 1, 1, 1, 1, 1, 1, 100}).estimate == 1);
    CHECK(median({4, 1, 3}) == 3);
    CHECK(median({}) == 0);
    CHECK(unpaired({1, 2, 3}, {11, 12, 13}).estimate == 10);
    CHECK(paired({}).estimate == 0);
    const Interval few = paired({5, 1, 3});
    CHECK(few.low == 1);
    CHECK(few.high == 5);
}

TEST_CASE("the interval holds the truth about 95 times of 100") {
    std::mt19937_64 generator(1);
    std::normal_distribution<double> noise(0.3, 1);
    int held = 0, held_unpaired = 0;
    for (int trial = 0; trial < 1000; ++trial) {
        std::vector<double> a, b;
        for (int i = 0; i < 12; ++i) a.push_back(noise(generator)), b.push_back(noise(generator));
        const Interval one = paired(a), two = unpaired(a, b);
        held += one.low <= 0.3 && 0.3 <= one.high;
        held_unpaired += two.low <= 0 && 0 <= two.high;
    }
    CHECK(held > 920);
    CHECK(held < 990);
    CHECK(held_unpaired > 920);
    CHECK(held_unpaired < 990);
}

TEST_CASE("a difference is shown only beyond the noise floor") {
    const Samples base{{1, 1, 1, 1, 1, 1}, {0, 0, 0, 0, 0, 0}};
    const Samples noise{{1, 1, 1, 1, 1, 1}, {0.01, -0.01, 0.02, 0, 0.01, -0.02}};
    const Samples near{{1, 1, 1, 1, 1, 1}, {-0.01, -0.012, -0.011, -0.01, -0.01, -0.011}};
    const Samples fast{{0.5, 0.5, 0.5, 0.5, 0.5, 0.5}, {-0.69, -0.7, -0.69, -0.68, -0.69, -0.7}};
    const auto none = verdict_of("tg8", 8, base, near, noise);
    CHECK(none.outcome == SpeedVerdict::Outcome::none);
    CHECK(none.text("test", "base").rfind("no difference shown", 0) == 0);
    const auto faster = verdict_of("tg8", 8, base, fast, noise);
    CHECK(faster.outcome == SpeedVerdict::Outcome::faster);
    CHECK(faster.base_rate == Approx(16));
    CHECK(faster.test_rate == Approx(32));
    CHECK(faster.text("test", "base").rfind("test is 99.4 % faster than base", 0) == 0);
    const auto slower = verdict_of("tg8", 8, fast, base, noise);
    CHECK(slower.outcome == SpeedVerdict::Outcome::slower);
}
