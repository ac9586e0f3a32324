// Bit for bit: chunked prefill is one-shot prefill, a batch is each sequence alone, forks are fresh
// sequences, block size, buckets, run-ahead and preemption change nothing.
#include "host/engine/model_fixture.hpp"

using namespace afs_test;
using afs::EngineOptions;
using afs::Request;

namespace {

Request request_of(size_t n, uint64_t seed, uint32_t max_new = 12) {
    Request request;
    request.prompt = some_ids(n, seed);
    request.max_new_tokens = max_new;
    return request;
}

// Greedy and sampled requests of awkward lengths.
std::vector<Request> awkward_requests() {
    std::vector<Request> requests;
    for (const unsigned n : {1u, 2u, 3u, 7u, 8u, 17u, 33u}) {
        Request request = request_of(n, n, 10);
        if (n % 2) {
            request.sampling.temperature = 1.0f;
            request.sampling.top_p = 0.95f;
            request.sampling.seed = n;
        }
        requests.push_back(request);
    }
    return requests;
}

std::vector<std::vector<int32_t>> run_together(afs::Engine& engine,
                                               const std::vector<Request>& requests) {
    std::vector<uint64_t> numbers;
    for (const Request& request : requests) numbers.push_back(must(engine.submit(request)));
    const auto runs = run_all(engine);
    std::vector<std::vector<int32_t>> ids;
    for (const uint64_t number : numbers) {
        REQUIRE(runs.count(number) == 1);
        CHECK(runs.at(number).finish == afs::FinishReason::length);
        ids.push_back(runs.at(number).ids);
    }
    return ids;
}

std::vector<std::vector<int32_t>> run_alone(afs::Engine& engine,
                                            const std::vector<Request>& requests) {
    std::vector<std::vector<int32_t>> ids;
    for (const Request& request : requests) ids.push_back(run_one(engine, request).ids);
    return ids;
}

}  // namespace

TEST_CASE("chunked prefill gives the bits of one-shot prefill") {
    for (const std::string family : {"olmo2", "llama3"})
        for (const int32_t dtype : {AFS_F32, AFS_BF16}) {
            Setup setup;
            setup.family = family;
            setup.dtype = dtype;
            const Model model = make_model(setup);
            const auto engine = make_engine(model);
            for (const unsigned n : {1u, 5u, 19u, 40u}) {
                const auto ids = some_ids(n, n);
                const auto whole = must(engine->logits(ids, 0));
                REQUIRE(whole.size() == n * 97);
                for (uint32_t chunk = 1; chunk <= n; ++chunk)
                    CHECK(must(engine->logits(ids, chunk)) == whole);
            }
        }
}

TEST_CASE("a ragged batch gives what each sequence gives alone") {
    for (const std::string family : {"olmo2", "llama3"}) {
        Setup setup;
        setup.family = family;
        const Model model = make_model(setup);
        const auto requests = awkward_requests();
        const auto alone = run_alone(*make_engine(model), requests);
        CHECK(run_together(*make_engine(model), requests) == alone);
        EngineOptions few;
        few.max_sequences = 3;
        few.prefill_chunk = 5;
        CHECK(run_together(*make_engine(model, few), requests) == alone);
    }
}

TEST_CASE("options that must not matter do not matter") {
    const auto requests = awkward_requests();
    const Model model = make_model({});
    const auto expected = run_alone(*make_engine(model), requests);

    SECTION("padded buckets") {
        EngineOptions options;
        options.buckets = EngineOptions::Buckets::padded;
        CHECK(run_together(*make_engine(model, options), requests) == expected);
        CHECK(run_alone(*make_engine(model, options), requests) == expected);
    }
    SECTION("run-ahead") {
        EngineOptions options;
        options.run_ahead = EngineOptions::RunAhead::on;
        const auto engine = make_engine(model, options);
        CHECK(run_together(*engine, requests) == expected);
        CHECK(engine->stats().run_ahead);
        CHECK(engine->stats().discarded_rows == 0);  // ends by length are foreseen
        options.buckets = EngineOptions::Buckets::padded;
        options.prefill_chunk = 9;
        CHECK(run_together(*make_engine(model, options), requests) == expected);
    }
    SECTION("block size") {
        for (const uint32_t size : {1u, 2u, 3u, 7u, 16u, 64u}) {
            Setup setup;
            setup.block_size = size;
            const Model other = make_model(setup);
            CHECK(run_together(*make_engine(other), requests) == expected);
        }
    }
    SECTION("preemption") {
        Setup setup;
        setup.block_size = 4;
        const Model other = make_model(setup);
        const uint64_t bytes = make_engine(other)->stats().kv_bytes;
        const uint64_t block = bytes / (8 * 64 + 1);
        for (const auto run_ahead : {EngineOptions::RunAhead::off, EngineOptions::RunAhead::on})
            for (const bool prompts_first : {false, true}) {
                EngineOptions options;
                options.kv_bytes = 13 * block;  // 12 blocks of 4: one long sequence just fits
                options.run_ahead = run_ahead;
                options.prompts_first = prompts_first;
                const auto engine = make_engine(other, options);
                CHECK(engine->stats().max_context == 48);
                CHECK(run_together(*engine, requests) == expected);
                CHECK(engine->stats().preemptions > 0);
            }
    }
    SECTION("deterministic") {
        Setup setup;
        setup.deterministic = true;
        CHECK(run_together(*make_engine(make_model(setup)), requests) == expected);
    }
}

TEST_CASE("a fork continues as a fresh sequence of the same tokens does") {
    const Model model = make_model({});
    for (const auto run_ahead : {EngineOptions::RunAhead::off, EngineOptions::RunAhead::on})
        for (const unsigned steps : {0u, 1u, 2u, 5u, 9u}) {
            EngineOptions options;
            options.run_ahead = run_ahead;
            options.prefill_chunk = 8;  // the first steps are inside the prompt
            const auto engine = make_engine(model, options);
            Request request = request_of(21, 4, 14);
            const uint64_t parent = must(engine->submit(request));
            std::vector<int32_t> text = request.prompt;
            std::map<uint64_t, std::vector<int32_t>> ids;
            const auto take = [&] {
                for (const auto& event : must(engine->step()))
                    ids[event.request].push_back(event.id);
            };
            for (size_t i = 0; i < steps; ++i) take();
            text.insert(text.end(), ids[parent].begin(), ids[parent].end());
            const size_t known = ids[parent].size();
            afs::SamplingParams sampling;
            sampling.temperature = 1.5f;
            sampling.seed = 9;
            const uint64_t warm = must(engine->fork(parent, sampling));
            const uint64_t greedy = must(engine->fork(parent, {}));
            while (!engine->idle()) take();

            Request fresh = request;
            fresh.prompt = text;
            fresh.max_new_tokens = static_cast<uint32_t>(14 - known);
            const auto other = make_engine(model);
            const auto rest = run_one(*other, fresh).ids;
            CHECK(ids[greedy] == rest);
            CHECK(std::vector<int32_t>(ids[parent].begin() + static_cast<ptrdiff_t>(known),
                                       ids[parent].end()) == rest);
            fresh.sampling = sampling;
            CHECK(ids[warm] == run_one(*other, fresh).ids);
            CHECK(ids[warm] != rest);
            CHECK(engine->stats().kv_blocks_free == engine->stats().kv_blocks);
        }
}
