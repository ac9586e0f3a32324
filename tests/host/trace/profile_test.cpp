// Units of a step timed one by one: in the host's memory, in an asynchronous one with timers of its
// own and without.
#include "host/engine/model_fixture.hpp"

using namespace afs_test;

namespace {

std::vector<afs::Engine::StepProfile> profiles(const Setup& setup, std::vector<int32_t>& ids) {
    const Model model = make_model(setup);
    const auto engine = make_engine(model);
    afs::Request request;
    request.prompt = some_ids(100, 3);  // two chunks
    request.max_new_tokens = 6;
    const auto plain = run_one(*engine, request).ids;
    CHECK(engine->take_profiles().empty());
    engine->profile(true);
    ids = run_one(*engine, request).ids;
    CHECK(ids == plain);
    engine->profile(false);
    auto taken = engine->take_profiles();
    CHECK(engine->take_profiles().empty());
    run_one(*engine, request);
    CHECK(engine->take_profiles().empty());
    return taken;
}

}  // namespace

TEST_CASE("every unit of every step is timed, and tokens stay as they are") {
    struct Case {
        const char* kernels;
        std::map<std::string, std::string> options;
        bool device_clock;
    };
    std::vector<int32_t> expected;
    for (const Case& c :
         {Case{"reference", {}, false}, Case{"test-fakedev", {}, true},
          Case{"test-fakedev", {{"timers", "off"}}, false}, Case{"test-toy", {}, false}}) {
        Setup setup;
        setup.kernels = {c.kernels};
        setup.options = c.options;
        std::vector<int32_t> ids;
        const auto steps = profiles(setup, ids);
        CAPTURE(c.kernels);
        if (expected.empty()) expected = ids;
        CHECK(ids == expected);
        REQUIRE(steps.size() == 7);  // 64 + 36 tokens, then one at a time
        CHECK(steps[0].n_tokens == 64);
        CHECK(steps[0].n_rows == 0);
        CHECK(steps[1].context == 100);
        CHECK(steps[6].context == 105);
        CHECK(steps[6].class_index == AFS_CLASS_DECODE);
        const afs::Plan plan = *make_model(setup).plan;
        for (const auto& step : steps) {
            CHECK(step.device_clock == c.device_clock);
            const auto& units = plan.classes[step.class_index].units;
            REQUIRE(step.unit_seconds.size() == units.size());
            for (size_t u = 0; u < units.size(); ++u) {
                const bool skipped = units[u].per_row && step.n_rows == 0;
                CHECK((step.unit_seconds[u] < 0) == skipped);
                CHECK(step.unit_seconds[u] < 30);
            }
        }
    }
}
