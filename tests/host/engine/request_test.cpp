// What one request may ask for: how it ends, what it is told, what is refused.
#include <cmath>

#include "host/engine/byte_tokenizer.hpp"
#include "host/engine/model_fixture.hpp"

using namespace afs_test;
using afs::FinishReason;
using afs::Request;

namespace {

Request greedy(std::vector<int32_t> prompt, uint32_t max_new = 12) {
    Request request;
    request.prompt = std::move(prompt);
    request.max_new_tokens = max_new;
    return request;
}

// log softmax of a row over its first n columns, by the definition.
double logprob_of(const std::vector<float>& logits, size_t row, size_t n, int32_t id) {
    double max = -1e300, sum = 0;
    for (size_t i = 0; i < n; ++i) max = std::max(max, double{logits[row * 97 + i]});
    for (size_t i = 0; i < n; ++i) sum += std::exp(double{logits[row * 97 + i]} - max);
    return double{logits[row * 97 + static_cast<size_t>(id)]} - max - std::log(sum);
}

std::string refusal(afs::Engine& engine, const Request& request) {
    const auto result = engine.submit(request);
    REQUIRE(!result.ok());
    CHECK(engine.idle());
    return result.status().message();
}

}  // namespace

TEST_CASE("a sequence ends by length, id, string, full context or cancellation") {
    const Model model = make_model({});
    for (const auto mode : {afs::EngineOptions::RunAhead::off, afs::EngineOptions::RunAhead::on}) {
        afs::EngineOptions options;
        options.run_ahead = mode;
        const auto engine = make_engine(model, options);
        const auto prompt = some_ids(9, 3);
        const Run whole = run_one(*engine, greedy(prompt, 20));
        REQUIRE(whole.ids.size() == 20);
        CHECK(whole.finish == FinishReason::length);

        // A stop id is delivered, and is the last: its first occurrence counts.
        Request request = greedy(prompt, 20);
        request.stop_ids = {96, whole.ids[6]};
        const auto first = std::find(whole.ids.begin(), whole.ids.end(), whole.ids[6]);
        Run run = run_one(*engine, request);
        CHECK(run.finish == FinishReason::stop_id);
        CHECK(run.ids == std::vector<int32_t>(whole.ids.begin(), first + 1));
        if (mode == afs::EngineOptions::RunAhead::on) {
            // Whenever the end comes, exactly one step was enqueued past it.
            CHECK(engine->stats().discarded_rows == 1);
            for (size_t i = 0; i < 8; ++i) {
                const uint64_t before = engine->stats().discarded_rows;
                request.stop_ids = {whole.ids[i]};
                run_one(*engine, request);
                CHECK(engine->stats().discarded_rows == before + 1);
            }
        }

        // A stop string across three tokens: their bytes.
        ByteTokenizer tokenizer;
        engine->set_tokenizer(&tokenizer);
        request = greedy(prompt, 20);
        std::string three;
        for (size_t i = 4; i < 7; ++i) three += static_cast<char>(whole.ids[i]);
        std::string all;
        for (const int32_t id : whole.ids) all += static_cast<char>(id);
        request.stop_strings = {three};
        run = run_one(*engine, request);
        CHECK(run.finish == FinishReason::stop_string);
        CHECK(run.ids.size() == all.find(three) + 3);

        request = greedy(some_ids(250, 1), 100);  // context 256
        run = run_one(*engine, request);
        CHECK(run.finish == FinishReason::context_full);
        CHECK(run.ids.size() == 7);  // the last one needs no place any more

        const uint64_t id = must(engine->submit(greedy(prompt, 20)));
        must(engine->step());
        must(engine->cancel(id));
        const auto events = must(engine->step());
        REQUIRE(events.size() == 1);
        CHECK(events[0].id == -1);
        CHECK(events[0].finish == FinishReason::cancelled);
        while (!engine->idle()) must(engine->step());
        CHECK(engine->cancel(id).code() == afs::Code::not_found);
        CHECK(engine->fork(id, {}).status().code() == afs::Code::not_found);
        CHECK(engine->stats().kv_blocks_free == engine->stats().kv_blocks);
    }
}

TEST_CASE("log-probabilities are those of the logits, whatever the chunks") {
    const Model model = make_model({});
    afs::EngineOptions options;
    for (const uint32_t chunk : {8u, 64u}) {
        options.prefill_chunk = chunk;
        const auto engine = make_engine(model, options);
        Request request = greedy(some_ids(21, 5), 4);
        request.n_logprobs = 3;
        request.prompt_logprobs = true;
        request.n_vocab = 90;
        for (int32_t& id : request.prompt) id %= 90;
        request.sampling.temperature = 0.7f;
        const Run run = run_one(*engine, request);
        REQUIRE(run.events.size() == 4);
        std::vector<int32_t> text = request.prompt;
        text.insert(text.end(), run.ids.begin(), run.ids.end());
        const auto logits = must(engine->logits(text, 0));
        REQUIRE(run.events[0].prompt_logprobs.size() == 20);
        for (size_t i = 0; i < 20; ++i)
            CHECK(run.events[0].prompt_logprobs[i] ==
                  Approx(logprob_of(logits, i, 90, text[i + 1])).epsilon(1e-5));
        for (size_t i = 0; i < 4; ++i) {
            CHECK(run.ids[i] < 90);
            CHECK(run.events[i].logprob ==
                  Approx(logprob_of(logits, 20 + i, 90, run.ids[i])).epsilon(1e-5));
            REQUIRE(run.events[i].top.size() == 3);
            CHECK(run.events[i].top[0].second >= run.events[i].top[1].second);
            CHECK(run.events[i].top[0].second >= run.events[i].logprob);
        }
        for (size_t i = 1; i < 4; ++i) CHECK(run.events[i].prompt_logprobs.empty());

        // Only the prompt: one event without a token.
        request.max_new_tokens = 0;
        const Run only = run_one(*engine, request);
        REQUIRE(only.events.size() == 1);
        CHECK(only.ids.empty());
        CHECK(only.finish == FinishReason::length);
        CHECK(only.events[0].prompt_logprobs == run.events[0].prompt_logprobs);
    }
}

TEST_CASE("a repetition penalty is applied on the host to prompt and text") {
    const Model model = make_model({});
    for (const auto mode : {afs::EngineOptions::RunAhead::off, afs::EngineOptions::RunAhead::on}) {
        afs::EngineOptions options;
        options.run_ahead = mode;
        const auto engine = make_engine(model, options);
        Request request = greedy(some_ids(11, 8), 10);
        request.sampling.repetition_penalty = 1.3f;
        std::vector<int32_t> text = request.prompt;
        std::vector<int32_t> expected;
        for (int step = 0; step < 10; ++step) {
            auto logits = must(engine->logits(text, 0));
            std::vector<float> last(logits.end() - 97, logits.end());
            for (int32_t id = 0; id < 97; ++id)
                if (std::find(text.begin(), text.end(), id) != text.end()) {
                    float& logit = last[static_cast<size_t>(id)];
                    logit = logit > 0 ? logit / 1.3f : logit * 1.3f;
                }
            expected.push_back(
                static_cast<int32_t>(std::max_element(last.begin(), last.end()) - last.begin()));
            text.push_back(expected.back());
        }
        // Beside a sequence that the device samples.
        const uint64_t plain = must(engine->submit(greedy(some_ids(5, 1), 10)));
        const uint64_t penalised = must(engine->submit(request));
        auto runs = run_all(*engine);
        CHECK(runs[penalised].ids == expected);
        CHECK(runs[plain].ids == run_one(*make_engine(model), greedy(some_ids(5, 1), 10)).ids);
        CHECK(expected != run_one(*engine, greedy(request.prompt, 10)).ids);
    }
}

TEST_CASE("watched values are those of the step, without padding") {
    const Model model = make_model({});
    afs::EngineOptions options;
    options.buckets = afs::EngineOptions::Buckets::padded;
    const auto engine = make_engine(model, options);
    const auto ids = some_ids(11, 2);
    must(engine->tap({"embed", "logits"}));
    const auto logits = must(engine->logits(ids, 6));
    const auto taps = engine->take_taps();
    REQUIRE(taps.size() == 4);  // two values in two chunks
    CHECK(taps[0].tag == "embed");
    CHECK(taps[0].dims == std::vector<int64_t>{6, 48});
    CHECK(taps[2].dims == std::vector<int64_t>{5, 48});
    CHECK(taps[0].data.size() == 6 * 48);
    std::vector<float> seen = taps[1].data;
    seen.insert(seen.end(), taps[3].data.begin(), taps[3].data.end());
    CHECK(seen == logits);
    CHECK(engine->take_taps().empty());
    CHECK(engine->tap({"embd"}).code() == afs::Code::not_found);
    CHECK(engine->tap({"embed.weight"}).code() == afs::Code::unsupported);
    must(engine->tap({}));
    must(engine->logits(ids, 0));
    CHECK(engine->take_taps().empty());
}

TEST_CASE("wrong requests are refused with what was expected and found") {
    const Model model = make_model({});
    const auto engine = make_engine(model);
    const auto says = [&](const Request& request, const std::string& part) {
        const std::string message = refusal(*engine, request);
        INFO(message);
        CHECK(message.find(part) != std::string::npos);
    };
    Request request = greedy({});
    says(request, "prompt is empty, expected at least one id");
    request = greedy({1, 97});
    says(request, "prompt token 1 is 97, valid ids are 0 to 96");
    request = greedy({-1});
    says(request, "prompt token 0 is -1");
    request = greedy({50});
    request.n_vocab = 50;
    says(request, "valid ids are 0 to 49");
    request.n_vocab = 98;
    says(request, "n_vocab is 98, the model has 97");
    says(greedy(some_ids(257, 1)), "prompt has 257 tokens, the context holds 256");
    request = greedy({1});
    request.stop_strings = {"x"};
    says(request, "stop strings need a tokenizer");
    request = greedy({1});
    request.sampling.top_p = 1.5f;
    says(request, "top_p is 1.5");
    request = greedy({1});
    request.sampling.min_p = -0.5f;
    says(request, "min_p is -0.5");
    request = greedy({1});
    request.sampling.temperature = NAN;
    says(request, "temperature is nan");
    request = greedy({1});
    request.sampling.repetition_penalty = 0.0f;
    says(request, "repetition_penalty is 0");
    CHECK(engine->logits({}, 0).status().code() == afs::Code::invalid);
    CHECK(engine->logits({97}, 0).status().code() == afs::Code::invalid);
    CHECK(must(engine->step()).empty());
    CHECK(run_one(*engine, greedy(some_ids(256, 1), 5)).ids.size() == 1);  // a full context
}

TEST_CASE("options beyond the plan's limits and too little memory are refused with both numbers") {
    const Model model = make_model({});
    const auto says = [&](const afs::EngineOptions& options, const std::string& part) {
        const auto engine = afs::Engine::create(model.plan, model.weights, options);
        REQUIRE(!engine.ok());
        INFO(engine.status().message());
        CHECK(engine.status().message().find(part) != std::string::npos);
    };
    afs::EngineOptions options;
    options.max_context = 257;
    says(options, "engine.max_context is 257, but the plan was made for at most 256");
    options = {};
    options.max_sequences = 9;
    says(options, "engine.max_sequences is 9");
    options = {};
    options.prefill_chunk = 65;
    says(options, "engine.prefill_chunk is 65");
    options = {};
    options.kv_bytes = 100;
    says(options, "engine.kv_memory_mib gives the KV cache 100 bytes, but two blocks need");

    Setup huge;  // far more than any machine has
    huge.limits = {64, 8, 64, 2000000000, 0};
    const Model large = make_model(huge);
    const auto engine = afs::Engine::create(large.plan, large.weights, {});
    REQUIRE(!engine.ok());
    INFO(engine.status().message());
    CHECK(engine.status().code() == afs::Code::no_memory);
    CHECK(engine.status().message().find("lower engine.max_context") != std::string::npos);
    CHECK(engine.status().message().find("available") != std::string::npos);
}

TEST_CASE("10,000 forks and cancels leave no block and no sequence behind") {
    Setup setup;
    setup.block_size = 4;
    setup.limits = {64, 8, 64, 64, 0};
    const Model model = make_model(setup);
    afs::EngineOptions options;
    options.run_ahead = afs::EngineOptions::RunAhead::on;
    const auto engine = make_engine(model, options);
    std::vector<uint64_t> live;
    uint64_t random = 1;
    const auto below = [&random](uint64_t n) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        return (random >> 33) % n;
    };
    for (int i = 0; i < 10000; ++i) {
        if (live.empty())
            live.push_back(must(engine->submit(greedy(some_ids(13, 1 + below(9)), 40))));
        const size_t at = below(live.size());
        if (const auto child = engine->fork(live[at], {}); child.ok()) live.push_back(*child);
        if (live.size() > 6) {
            const size_t gone = below(live.size());
            static_cast<void>(engine->cancel(live[gone]).ok());  // it may be over by itself
            live.erase(live.begin() + static_cast<ptrdiff_t>(gone));
        }
        if (i % 16 == 0) must(engine->step());
    }
    for (const uint64_t id : live) static_cast<void>(engine->cancel(id).ok());
    while (!engine->idle()) must(engine->step());
    CHECK(engine->stats().kv_blocks_free == engine->stats().kv_blocks);
    CHECK(engine->stats().steps > 600);
}
