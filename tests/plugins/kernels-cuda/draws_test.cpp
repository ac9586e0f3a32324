// 100,000 draws: the device's sampler gives the ids of the host's on the same bits.
#include <random>

#include "fixture.hpp"
#include "support/families.hpp"
#include "support/judge_case.hpp"

using namespace afs;
using namespace afs::test;

TEST_CASE("draws: 100,000 rows of any parameters give the host's ids") {
    if (!gpu()) return;
    constexpr int kRuns = 25, kRows = 4000;
    size_t differ = 0;
    for (int run_index = 0; run_index < kRuns; ++run_index) {
        std::mt19937 random(static_cast<uint32_t>(run_index));
        const auto uniform = [&](float low, float high) {
            return std::uniform_real_distribution<float>(low, high)(random);
        };
        const int64_t vocab = run_index % 2 ? 331 : 1500;
        const int32_t dtype = run_index % 3 == 0   ? AFS_F32
                              : run_index % 3 == 1 ? AFS_BF16
                                                   : AFS_F16;
        OpCase c("sample/1");
        c.act(random_array(dtype, {kRows, vocab}, static_cast<uint32_t>(run_index), 4.0));
        c.on(StepData::plain(1)).result(AFS_I32, {kRows});
        for (int32_t i = 0; i < kRows; ++i) {
            afs_row row{};
            row.temperature = i % 20 ? uniform(0.05f, 2.0f) : 0.0f;
            row.top_k = i % 2 ? 0 : static_cast<int32_t>(uniform(1, 400));
            row.top_p = i % 3 ? 1.0f : uniform(0.0f, 1.0f);
            row.min_p = i % 4 ? 0.0f : uniform(0.0f, 0.2f);
            row.flags = AFS_ROW_SAMPLE;
            row.n_vocab = static_cast<int32_t>(vocab) - i % 5;
            row.seed = random();
            row.counter = static_cast<uint32_t>(i);
            c.step.rows.push_back(row);
            c.step.logit_rows.push_back(0);
        }
        const Outcome o = run(*gpu()->backend, c, &gpu()->device());
        REQUIRE(o.status.ok());
        for (uint32_t i = 0; i < kRows; ++i)
            differ += o.output[i] != drawn(c, i) || o.host_ids[i] != drawn(c, i);
    }
    std::printf("%d draws, %zu differ\n", kRuns * kRows, differ);
    CHECK(differ == 0);
}
