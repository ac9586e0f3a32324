// Logits against fp64's, measured by what the reference loses.
#include "trace/logit_judge.hpp"

#include <catch2/catch.hpp>
#include <random>

using afs::judge_logits;
using Catch::Matchers::Contains;

namespace {

constexpr size_t kVocab = 300, kTokens = 60;

std::vector<float> drawn(uint64_t seed, float size, const std::vector<float>& around = {}) {
    std::mt19937_64 generator(seed);
    std::normal_distribution<float> noise(0, size);
    std::vector<float> values(kVocab * kTokens);
    for (size_t i = 0; i < values.size(); ++i)
        values[i] = (around.empty() ? 0 : around[i]) + noise(generator);
    return values;
}

}  // namespace

TEST_CASE("as near as the reference is right, and what leaves a limit is named") {
    const auto exact = drawn(1, 3), reference = drawn(2, 0.02f, exact);
    const auto good = judge_logits(drawn(3, 0.02f, exact), exact, reference, kVocab, kVocab);
    CHECK(good.ok);
    CHECK(good.n_tokens == kTokens);
    CHECK(good.n_decided > kTokens / 2);
    CHECK(judge_logits(exact, exact, reference, kVocab, kVocab).ok);
    const auto wide = judge_logits(drawn(4, 0.04f, exact), exact, reference, kVocab, kVocab);
    CHECK_FALSE(wide.ok);
    CHECK_THAT(wide.why, Contains("RMS"));
    auto spike = reference;
    spike[12345] += 0.5f;
    CHECK_THAT(judge_logits(spike, exact, reference, kVocab, kVocab).why, Contains("largest"));
    auto scaled = exact;
    for (float& x : scaled) x *= 1.05f;
    CHECK_THAT(judge_logits(scaled, exact, reference, kVocab, kVocab).why, Contains("KL"));
}

TEST_CASE("another top-1 beyond rounding is wrong, the first one is named with its margin") {
    auto exact = drawn(1, 0.1f);
    exact[7 * kVocab + 3] = 5, exact[7 * kVocab + 4] = 4;
    auto logits = exact;
    logits[7 * kVocab + 3] = 3;
    const auto reference = drawn(2, 1e-3f, exact);
    const auto v = judge_logits(logits, exact, reference, kVocab, kVocab);
    CHECK(v.n_wrong == 1);
    CHECK(v.first_divergent == 7);
    CHECK(v.margin == Approx(1).epsilon(0.01));
}

TEST_CASE("padding columns do not count, NaN does") {
    const auto exact = drawn(1, 3), reference = drawn(2, 0.02f, exact);
    auto logits = reference;
    for (size_t t = 0; t < kTokens; ++t) logits[t * kVocab + 299] = 1000;
    CHECK(judge_logits(logits, exact, reference, kVocab, 299).ok);
    CHECK_FALSE(judge_logits(logits, exact, reference, kVocab, 300).ok);
    logits = reference;
    logits[5] = std::nanf("");
    CHECK_FALSE(judge_logits(logits, exact, reference, kVocab, kVocab).ok);
}

// With one id nearly sure and a handful of tokens, KL hangs on a few errors.
TEST_CASE("few tokens accuse nobody by their KL") {
    constexpr size_t kFew = 8;
    int n_accused = 0;
    for (uint64_t seed = 0; seed < 60; ++seed) {
        auto exact = drawn(3 * seed, 1);
        exact.resize(kFew * kVocab);
        for (size_t t = 0; t < kFew; ++t) exact[t * kVocab + seed] += 9;
        const auto noisy = [&](uint64_t own) {
            auto values = exact;
            std::mt19937_64 generator(own);
            std::normal_distribution<float> noise(0, 0.02f);
            for (float& x : values) x += noise(generator);
            return values;
        };
        const auto v = judge_logits(noisy(1000 + seed), exact, noisy(2000 + seed), kVocab, kVocab);
        n_accused += v.why.find("KL") != std::string::npos;
    }
    CHECK(n_accused == 0);
}
