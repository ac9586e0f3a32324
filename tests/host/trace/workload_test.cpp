// What an engine is measured with: room for it, batches that ran as a whole, and steps counted as
// they were run.
#include "trace/workload.hpp"

#include "host/engine/model_fixture.hpp"
#include "trace/trace.hpp"

using namespace afs_test;
using Catch::Contains;

namespace {

std::unique_ptr<afs::Engine> engine_of(const Model& model, uint32_t context, uint32_t sequences) {
    afs::EngineOptions options;
    options.max_context = context;
    options.max_sequences = sequences;
    options.prompts_first = true;
    return make_engine(model, options);
}

afs::Workload workload_of(uint32_t prompt, uint32_t new_tokens, uint32_t batch) {
    afs::Workload workload;
    workload.prompt = some_ids(prompt, 5);
    workload.new_tokens = new_tokens;
    workload.batch = batch;
    return workload;
}

std::vector<afs::TokenEvent> tokens_of(const std::vector<uint64_t>& requests) {
    std::vector<afs::TokenEvent> events;
    for (const uint64_t request : requests) {
        events.emplace_back();
        events.back().request = request;
        events.back().id = 1;
    }
    return events;
}

}  // namespace

TEST_CASE("a batch ran together if every step had all of its sequences once all had begun") {
    struct Case {
        std::vector<std::vector<uint64_t>> steps;
        bool started, together;
    };
    for (const Case& c : {Case{{{1}, {2}, {1, 2}, {1, 2}}, true, true},
                          Case{{{1}, {1}, {2}, {}, {1, 2}}, true, true},
                          Case{{{1, 2}, {1}}, true, false}, Case{{{1}, {1}}, false, true}}) {
        afs::BatchWatch watch(2);
        for (const auto& step : c.steps) watch.see(tokens_of(step));
        CHECK(watch.all_started() == c.started);
        CHECK(watch.ran_together().ok() == c.together);
    }
}

TEST_CASE("a batch that the engine runs one by one is refused") {
    const Model model = make_model({});
    const auto one = engine_of(model, 64, 1), two = engine_of(model, 64, 2);
    CHECK(afs::run_workload(*two, workload_of(10, 4, 2), {}).ok());
    const auto refused = afs::run_workload(*one, workload_of(10, 4, 2), {});
    CHECK_THAT(refused.status().message(), Contains("a batch of 2") && Contains("lower --batch"));
}

TEST_CASE("a context that is too short is refused with what is needed") {
    const Model model = make_model({});
    const auto engine = engine_of(model, 20, 1);
    CHECK(afs::check_context(*engine, 20, "--pp 20").ok());
    CHECK_THAT(afs::check_context(*engine, 21, "--pp 21").message(),
               Contains("--pp 21 needs a context of 21 tokens, this one holds 20") &&
                   Contains("--max-context") && Contains("engine.kv_memory_mib"));
}

TEST_CASE("steps of the prompt are no decode steps where the context ends early") {
    const Model model = make_model({});
    const auto engine = engine_of(model, 20, 1);
    const auto trace =
        must(afs::run_trace(*engine, *model.plan, model.weights, workload_of(10, 50, 1), 0, {}));
    REQUIRE(trace.phases.size() == 2);
    CHECK(trace.phases[0].name == "decode");
    CHECK(trace.phases[0].n_steps == 10);  // from 11 tokens in the cache to 20
    CHECK(trace.phases[0].n_tokens == 1);
    CHECK(trace.phases[1].n_tokens == 10);
    CHECK(trace.phases[1].n_steps == 3);
}
