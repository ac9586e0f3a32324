// The verdict on two backends' tokens.
#include <catch2/catch.hpp>

#include <cmath>

#include "doctor/sanity.hpp"

using namespace afs;
using Catch::Contains;
using report::Mark;

namespace {

// Ids with the logarithms of their probabilities; `other` is the runner-up of the last step.
RecordedRun run(std::vector<int32_t> ids, std::vector<double> logprobs, int32_t other = 0,
                double other_logprob = -9, std::string dtype = "bf16") {
    RecordedRun out;
    out.dtype = std::move(dtype);
    out.ids = std::move(ids);
    out.logprobs = std::move(logprobs);
    for (size_t i = 0; i < out.ids.size(); ++i) out.top.push_back({{out.ids[i], out.logprobs[i]}});
    if (!out.top.empty()) out.top.back().emplace_back(other, other_logprob);
    return out;
}

SanityRun judged(const RecordedRun& a, RecordedRun b) {
    SanityRun out{"mine", std::move(b), Mark::ok, ""};
    judge("reference", a, out);
    return out;
}

}  // namespace

TEST_CASE("the same tokens agree, within rounding") {
    const auto same = judged(run({1, 2}, {-1, -2}), run({1, 2}, {-1.1, -2}));
    CHECK(same.mark == Mark::ok);
    CHECK_THAT(same.verdict, Contains("the same 2 tokens as reference") && Contains("0.1"));
    CHECK(judged(run({1, 2}, {-1, -2}), run({1, 2}, {-1.6, -2})).mark == Mark::failed);
    CHECK(judged(run({1, 2}, {-1, -2}), run({1, 2}, {-1.1, -2}, 0, -9, "fp32")).mark ==
          Mark::failed);
    CHECK(judged(run({1}, {-1}), run({1}, {NAN})).mark == Mark::failed);
}

TEST_CASE("another token is a tie only where both hold both for likely") {
    const auto tie = judged(run({1, 2}, {-1, -2.0}, 3, -2.1), run({1, 3}, {-1, -2.0}, 2, -2.05));
    CHECK(tie.mark == Mark::ok);
    CHECK_THAT(tie.verdict, Contains("the same 1 token as reference") && Contains("a tie"));
    // The first holds 3 for far less likely than 2.
    CHECK(judged(run({1, 2}, {-1, -2.0}, 3, -4.0), run({1, 3}, {-1, -2.0}, 2, -2.05)).mark ==
          Mark::failed);
    // The other's token is not even among the likeliest.
    CHECK(judged(run({1, 2}, {-1, -2.0}, 9, -2.1), run({1, 3}, {-1, -2.0}, 2, -2.05)).mark ==
          Mark::failed);
}

TEST_CASE("one that stops early does not agree") {
    CHECK(judged(run({1, 2}, {-1, -2}), run({1}, {-1})).mark == Mark::failed);
    CHECK(judged(run({}, {}), run({1}, {-1})).mark == Mark::failed);
}
