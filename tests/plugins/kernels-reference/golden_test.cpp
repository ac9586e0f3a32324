// Every op against torch and HF transformers, and both against the judge.
#include <map>

#include "fixture.hpp"
#include "support/judge_case.hpp"
#include "support/op_goldens.hpp"

using namespace afs;
using namespace afs::test;

TEST_CASE("goldens: torch and the reference both lie within the judge's bounds") {
    std::map<std::string, int> cases;
    for (const uint32_t block_size : {16u, 5u})
        for (const Golden& g : op_goldens(AFS_SOURCE_DIR "/tests/golden/ops", block_size)) {
            const Outcome o = good(g.c);
            const auto judged = judge_case(g.c, arithmetic(o.verdict, g.c.output.dtype));
            const auto torch = bound::verdict(g.want.doubles().data(), judged);
            const auto ours = bound::verdict(o.output.doubles().data(), judged);
            INFO(g.name << "\n  torch: " << torch.text() << "\n  ours: " << ours.text());
            CHECK(torch.ok());
            CHECK(ours.ok());
            ++cases[g.c.op];
        }
    CHECK(cases.size() == 8);  // kv_append/1 and sample/1 have exact tests
    for (const auto& [op, n] : cases) {
        INFO(op);
        CHECK(n >= 6);  // three shapes and more, twice
    }
}

// The plain figure beside the computed bounds: fp32 within 1e-5 of torch.
TEST_CASE("goldens: fp32 is within 1e-5 of torch, fp64 within 1e-13") {
    for (const Golden& g : op_goldens(AFS_SOURCE_DIR "/tests/golden/ops")) {
        if (g.want.dtype != AFS_F32 && g.want.dtype != AFS_F64) continue;
        const double tolerance = g.want.dtype == AFS_F32 ? 1e-5 : 1e-13;
        const Array got = good(g.c).output;
        double largest = 0, worst = 0;
        for (size_t i = 0; i < got.size(); ++i) {
            largest = std::max(largest, std::abs(g.want[i]));
            worst = std::max(worst, std::abs(got[i] - g.want[i]));
        }
        INFO(g.name << ": off by " << worst << " of " << largest);
        CHECK(worst <= tolerance * largest);
    }
}
