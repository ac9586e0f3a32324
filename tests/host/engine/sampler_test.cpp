// The host's sampler: penalty, log-probabilities, and the statistics of the draw.
#include <catch2/catch.hpp>

#include "engine/sampler.hpp"

namespace {

afs_row row_of(float temperature, int32_t n_vocab) {
    afs_row row{};
    row.temperature = temperature;
    row.top_p = 1.0f;
    row.n_vocab = n_vocab;
    row.seed = 7;
    return row;
}

}  // namespace

TEST_CASE("the repetition penalty divides positive and multiplies negative logits once") {
    afs::Sampler sampler;
    for (int call = 0; call < 2; ++call) {  // marks of the first call do not count in the second
        std::vector<float> logits = {2.0f, -2.0f, 0.0f, 4.0f, -4.0f};
        sampler.penalise(logits.data(), 5, {0, 1, 1, 0, 2, 77, -1}, 2.0f);
        CHECK(logits == std::vector<float>{1.0f, -4.0f, 0.0f, 4.0f, -4.0f});
    }
}

TEST_CASE("log-probabilities are those of a softmax over the valid ids") {
    const std::vector<float> logits = {0.0f, 1.0f, 2.0f, 1.0f, 100.0f};
    const afs::LogProbs logprobs(logits.data(), 4);  // id 4 is padding
    // log(1 + e + e^2 + e) = 2.6265233750
    CHECK(logprobs.of(2) == Approx(-0.6265233750).epsilon(1e-6));
    CHECK(logprobs.of(0) == Approx(-2.6265233750).epsilon(1e-6));
    const auto top = logprobs.top(3);
    REQUIRE(top.size() == 3);
    CHECK(top[0].first == 2);
    CHECK(top[1].first == 1);  // the lower id of two equal ones
    CHECK(top[2].first == 3);
    CHECK(top[0].second == logprobs.of(2));
    CHECK(logprobs.top(9).size() == 4);
    CHECK(logprobs.top(0).empty());

    const std::vector<float> large = {30000.0f, 30000.0f};
    CHECK(afs::LogProbs(large.data(), 2).of(0) == Approx(-0.69314718).epsilon(1e-6));
}

TEST_CASE("draws follow the softmax, are repeatable, and differ by seed and counter") {
    const std::vector<float> logits = {0.0f, 0.69314718f, 1.38629436f, -50.0f};  // 1 : 2 : 4 : 0
    afs::Sampler sampler;
    std::vector<int> counts(4);
    afs_row row = row_of(1.0f, 4);
    const int n = 70000;
    for (row.counter = 0; row.counter < n; ++row.counter) {
        const int32_t id = sampler.draw(logits.data(), row);
        ++counts[static_cast<size_t>(id)];
        REQUIRE(sampler.draw(logits.data(), row) == id);
    }
    // Five standard deviations of a binomial are below 700.
    CHECK(std::abs(counts[0] - n / 7) < 700);
    CHECK(std::abs(counts[1] - n * 2 / 7) < 700);
    CHECK(std::abs(counts[2] - n * 4 / 7) < 700);
    CHECK(counts[3] == 0);

    row.counter = 0;
    std::vector<int32_t> first, second;
    for (; row.counter < 64; ++row.counter) {
        row.seed = 1;
        first.push_back(sampler.draw(logits.data(), row));
        row.seed = 2;
        second.push_back(sampler.draw(logits.data(), row));
    }
    CHECK(first != second);
}

TEST_CASE("cuts leave only what they should") {
    const std::vector<float> logits = {0.0f, 3.0f, 2.0f, 1.0f};
    struct Case {
        const char* title;
        int32_t top_k;
        float top_p, min_p;
        std::vector<int32_t> possible;
    };
    const Case cases[] = {
        {"no cut", 0, 1.0f, 0.0f, {0, 1, 2, 3}},
        {"top-k 2", 2, 1.0f, 0.0f, {1, 2}},
        {"top-p: 0.644 is not enough, 0.881 is", 0, 0.7f, 0.0f, {1, 2}},
        {"top-p 0 leaves the likeliest", 0, 0.0f, 0.0f, {1}},
        {"min-p: e^-2 is below 0.2", 0, 1.0f, 0.2f, {1, 2}},
    };
    for (const Case& c : cases) {
        INFO(c.title);
        afs::Sampler sampler;
        afs_row row = row_of(1.0f, 4);
        row.top_k = c.top_k;
        row.top_p = c.top_p;
        row.min_p = c.min_p;
        std::vector<int32_t> met;
        for (row.counter = 0; row.counter < 2000; ++row.counter)
            met.push_back(sampler.draw(logits.data(), row));
        std::sort(met.begin(), met.end());
        met.erase(std::unique(met.begin(), met.end()), met.end());
        CHECK(met == c.possible);
    }
}
