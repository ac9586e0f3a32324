// What a sequence that is over keeps in the cache: the next request that begins alike takes it
// over and gives the same tokens as from scratch; whoever needs the blocks gets them.
#include "host/engine/model_fixture.hpp"

using namespace afs_test;
using afs::Request;
using Ids = std::vector<int32_t>;

namespace {

Request greedy(Ids prompt, uint32_t max_new, bool keep) {
    Request request;
    request.prompt = std::move(prompt);
    request.max_new_tokens = max_new;
    request.keep_cache = keep;
    return request;
}

Ids join(Ids a, const Ids& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

}  // namespace

TEST_CASE("turn after turn, only what is new is processed, and no token differs") {
    const Model model = make_model({});
    for (const auto mode : {afs::EngineOptions::RunAhead::off, afs::EngineOptions::RunAhead::on}) {
        afs::EngineOptions options;
        options.run_ahead = mode;
        const auto engine = make_engine(model, options), fresh = make_engine(model, options);
        Ids prompt = some_ids(21, 1);
        uint64_t processed = 0;
        for (uint64_t turn = 2; turn < 8; ++turn) {
            const uint64_t reused_before = engine->stats().reused_tokens;
            const Run kept = run_one(*engine, greedy(prompt, 9, true));
            CHECK(kept.ids == run_one(*fresh, greedy(prompt, 9, false)).ids);
            const uint64_t reused = engine->stats().reused_tokens - reused_before;
            processed += prompt.size() - reused;
            CHECK(engine->stats().prompt_tokens == processed);
            // All but the new tokens, the prompt's last and, where it was never run, the answer's.
            if (turn > 2) CHECK(reused + 4 + 2 >= prompt.size());
            prompt = join(join(prompt, kept.ids), some_ids(4, turn));
        }
        CHECK(fresh->stats().reused_tokens == 0);
    }
}

TEST_CASE("a prompt that parts from what is kept reuses as much as is common") {
    const Model model = make_model({});
    const auto engine = make_engine(model), fresh = make_engine(model);
    const Ids prompt = some_ids(40, 5);
    const auto reused_by = [&](const Ids& next) {
        run_one(*engine, greedy(prompt, 5, true));
        const uint64_t before = engine->stats().reused_tokens;
        const Run run = run_one(*engine, greedy(next, 5, false));
        CHECK(run.ids == run_one(*fresh, greedy(next, 5, false)).ids);
        return engine->stats().reused_tokens - before;
    };
    for (const size_t at : {size_t{1}, size_t{15}, size_t{16}, size_t{17}, size_t{39}}) {
        Ids other = prompt;
        other[at] = (other[at] + 1) % 97;
        CHECK(reused_by(other) == at);
    }
    CHECK(reused_by(prompt) == prompt.size() - 1);                        // all but the last
    CHECK(reused_by(Ids(prompt.begin(), prompt.begin() + 20)) == 19);     // a beginning of it
    CHECK(reused_by({prompt[0]}) == 0);                                   // nothing but the last
    CHECK(reused_by({(prompt[0] + 1) % 97, prompt[1], prompt[2]}) == 0);  // nothing in common
}

TEST_CASE("a cancelled sequence keeps what it had") {
    const Model model = make_model({});
    const auto engine = make_engine(model), fresh = make_engine(model);
    const Ids prompt = some_ids(30, 6);
    const uint64_t id = must(engine->submit(greedy(prompt, 50, true)));
    for (int i = 0; i < 5; ++i) must(engine->step());
    must(engine->cancel(id));
    while (!engine->idle()) must(engine->step());
    const Ids next = join(prompt, some_ids(3, 7));
    CHECK(run_one(*engine, greedy(next, 8, false)).ids ==
          run_one(*fresh, greedy(next, 8, false)).ids);
    CHECK(engine->stats().reused_tokens == prompt.size());
}

TEST_CASE("whoever needs the blocks gets them") {
    Setup setup;
    setup.limits = {64, 2, 64, 64, 0};
    const Model model = make_model(setup);
    const auto engine = make_engine(model), fresh = make_engine(model);
    const uint32_t all = engine->stats().kv_blocks;
    run_one(*engine, greedy(some_ids(50, 1), 5, true));
    // Two others fill the whole cache: they end as if nothing had been kept.
    const auto a = greedy(some_ids(40, 2), 24, false), b = greedy(some_ids(40, 3), 24, false);
    const uint64_t first = must(engine->submit(a)), second = must(engine->submit(b));
    auto runs = run_all(*engine);
    CHECK(runs[first].ids == run_one(*fresh, a).ids);
    CHECK(runs[second].ids == run_one(*fresh, b).ids);
    CHECK(engine->stats().kv_blocks_free == all);
    CHECK(engine->stats().preemptions == 0);
    // The same for logits, which belong to no sequence.
    run_one(*engine, greedy(some_ids(50, 1), 5, true));
    CHECK(must(engine->logits(some_ids(60, 4), 0)) == must(fresh->logits(some_ids(60, 4), 0)));
}

TEST_CASE("log-probabilities of a prompt are computed for all of it") {
    const Model model = make_model({});
    const auto engine = make_engine(model);
    const Ids prompt = some_ids(20, 8);
    run_one(*engine, greedy(prompt, 3, true));
    Request request = greedy(prompt, 3, false);
    request.prompt_logprobs = true;
    const Run run = run_one(*engine, request);
    CHECK(run.events.front().prompt_logprobs.size() == prompt.size() - 1);
    CHECK(engine->stats().reused_tokens == 0);
}
