// What a step costs the host when the kernels cost nothing: time of the calling thread alone, at
// batch sizes up to 128, and how few programs a batch whose contexts grow is compiled into.
#include <ctime>

#include "model_fixture.hpp"

using namespace afs_test;

namespace {

double thread_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Cost {
    double step_seconds = 0;
    afs::EngineStats before, after;
};

// n_seqs sequences of 128 tokens of prompt each, then 128 tokens more.
Cost generate(uint32_t n_seqs, bool prompts_first = true) {
    Setup setup;
    setup.kernels = {"test-fakedev"};
    setup.options = {{"ops", "idle"}};
    setup.limits = {1024, 128, 128, 512, 0};
    const Model model = make_model(setup);
    afs::EngineOptions options;
    options.prompts_first = prompts_first;
    const auto engine = make_engine(model, options);
    for (uint32_t s = 0; s < n_seqs; ++s) {
        afs::Request request;
        request.prompt = some_ids(128, s);
        request.max_new_tokens = 128;
        must(engine->submit(request));
    }
    Cost cost;
    for (uint32_t started = 0; started < n_seqs;)
        started += static_cast<uint32_t>(must(engine->step()).size());
    cost.before = engine->stats();
    const double start = thread_seconds();
    while (!engine->idle()) must(engine->step());
    cost.after = engine->stats();
    cost.step_seconds =
        (thread_seconds() - start) / static_cast<double>(cost.after.steps - cost.before.steps);
    return cost;
}

}  // namespace

TEST_CASE("step cost: the host's part of a step stays small at 128 sequences", "[.speed]") {
    for (const uint32_t n : {1u, 8u, 32u, 64u, 128u}) {
        const Cost cost = generate(n);
        std::printf("%3u sequences: %.1f us a step on the host\n", n, 1e6 * cost.step_seconds);
        CHECK(cost.step_seconds < 100e-6);
    }
}

TEST_CASE("step cost: a batch that starts together is one program until its context doubles") {
    const Cost cost = generate(128);
    CHECK(cost.after.steps - cost.before.steps == 126);  // one was already enqueued
    CHECK(cost.after.run_ahead);
    CHECK(cost.after.eager_steps - cost.before.eager_steps <= 1);
    CHECK(cost.after.capture_failures == 0);
    // Whoever had its first token earlier is further: the batch falls apart at its end.
    const Cost apart = generate(128, false);
    CHECK(apart.after.steps - apart.before.steps > 100);
    CHECK(apart.after.eager_steps - apart.before.eager_steps > 1);
}

TEST_CASE("more shapes than programs are kept: those unused for longest go, tokens stay") {
    Setup setup;
    setup.limits = {64, 8, 64, 512, 0};
    afs::Request request;
    request.prompt = some_ids(3, 3);
    request.max_new_tokens = 140;  // each context a shape of its own where sizes are exact
    const auto expected = run_one(*make_engine(make_model(setup)), request).ids;
    setup.kernels = {"test-fakedev"};
    const Model model = make_model(setup);
    afs::EngineOptions options;
    options.buckets = afs::EngineOptions::Buckets::exact;
    const auto engine = make_engine(model, options);
    const auto run = [&](uint32_t n_new) {
        request.max_new_tokens = n_new;
        const auto ids = run_one(*engine, request).ids;
        CHECK(ids == std::vector<int32_t>(expected.begin(), expected.begin() + n_new));
    };
    run(60);
    run(60);  // captured
    run(60);  // replayed
    const afs::EngineStats warm = engine->stats();
    CHECK(warm.captures > 50);
    CHECK(warm.graph_replays > warm.captures + 50);
    run(140);
    run(60);  // some were dropped, and are made again
    CHECK(engine->stats().eager_steps > warm.eager_steps + 80);
}

TEST_CASE("prompts first: the same tokens, and nobody generates before the last prompt is done") {
    const Model model = make_model({});
    const auto run = [&](bool prompts_first) {
        afs::EngineOptions options;
        options.prompts_first = prompts_first;
        options.prefill_chunk = 16;
        options.run_ahead = afs::EngineOptions::RunAhead::on;
        const auto engine = make_engine(model, options);
        for (const uint32_t n : {40u, 3u, 25u, 1u, 60u}) {
            afs::Request request;
            request.prompt = some_ids(n, n);
            request.max_new_tokens = 9;
            must(engine->submit(request));
        }
        std::map<uint64_t, std::vector<int32_t>> ids;
        uint64_t early = 0;  // tokens beyond the first before everybody had one
        while (!engine->idle())
            for (const afs::TokenEvent& event : must(engine->step())) {
                ids[event.request].push_back(event.id);
                early += ids.size() < 5 && ids[event.request].size() > 1;
            }
        return std::pair(ids, early);
    };
    const auto [expected, early] = run(false);
    CHECK(early > 0);
    const auto [together, early_together] = run(true);
    CHECK(early_together == 0);
    CHECK(together == expected);
}
