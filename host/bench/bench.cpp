#include "bench/bench.hpp"

#include <chrono>
#include <cmath>
#include <numeric>
#include <random>

#include "bench/work.hpp"
#include "trace/workload.hpp"

namespace afs {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<int32_t> random_ids(std::mt19937_64& generator, uint32_t n, int32_t n_vocab) {
    std::uniform_int_distribution<int32_t> id(0, n_vocab - 1);
    std::vector<int32_t> ids(n);
    for (int32_t& each : ids) each = id(generator);
    return ids;
}

// One measurement: seconds on the clock, the tokens they gave, and what was drawn.
struct Sample {
    double seconds = 0;
    uint64_t tokens = 0;
    std::vector<Drawn> drawn;
    bool cold = false;  // programs were made, or will be captured at the next run
};

// The clock runs from submit to the last prompt token for pp. For tg from the moment at which every
// sequence has its first token to the last one: with engine.prompts_first all of them generate in
// every step between, from a context of n_prompt + 1 to one of n_prompt + generate.
Result<Sample> measure(Engine& engine, const BenchTest& test, const BenchOptions& options,
                       std::mt19937_64& generator) {
    const bool generating = test.generate > 0;
    const uint32_t n_prompt = generating ? std::max(1u, test.context) : test.prompt;
    const EngineStats at_start = engine.stats();
    const uint64_t before = at_start.prompt_tokens + at_start.new_tokens;
    std::vector<uint64_t> ids;
    Sample sample;
    for (uint32_t s = 0; s < test.batch; ++s)
        sample.drawn.push_back({random_ids(generator, n_prompt, options.n_vocab), {}});
    auto start = Clock::now();
    for (const Drawn& drawn : sample.drawn) {
        Request request;
        request.prompt = drawn.prompt;
        request.max_new_tokens = generating ? test.generate + 1 : 1;
        request.n_vocab = options.n_vocab;
        AFS_ASSIGN(const uint64_t id, engine.submit(std::move(request)));
        ids.push_back(id);
    }
    BatchWatch watch(test.batch);
    uint64_t timed = 0;
    while (!engine.idle()) {
        if (options.stop && options.stop()) {
            for (const uint64_t id : ids) (void)engine.cancel(id).ok();  // some may be over
            while (!engine.idle())
                if (auto ended = engine.step(); !ended) return ended.status();
            return Status(Code::cancelled, "interrupted");
        }
        const bool all_started = watch.all_started();
        AFS_ASSIGN(const std::vector<TokenEvent> events, engine.step());
        const EngineStats stats = engine.stats();
        if (options.progress)
            options.progress(
                stats.prompt_tokens + stats.new_tokens - before,
                uint64_t{n_prompt} * test.batch + uint64_t{test.generate} * test.batch);
        for (const TokenEvent& event : events) {
            if (event.id < 0) continue;
            if (all_started) ++timed;
            sample.drawn[event.request - ids.front()].ids.push_back(event.id);
        }
        watch.see(events);
        if (generating && !all_started && watch.all_started()) start = Clock::now();
    }
    if (generating) AFS_TRY(watch.ran_together());
    sample.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    sample.tokens = generating ? timed : uint64_t{test.prompt} * test.batch;
    const EngineStats at_end = engine.stats();
    sample.cold = at_end.captures > at_start.captures ||
                  (at_end.padded_buckets && at_end.eager_steps > at_start.eager_steps);
    return sample;
}

// Not while programs are still made: a later repetition finds them.
Result<Sample> measure_warm(Engine& engine, const BenchTest& test, const BenchOptions& options,
                            std::mt19937_64& generator) {
    constexpr int kWarmUps = 3;
    AFS_ASSIGN(Sample sample, measure(engine, test, options, generator));
    for (int i = 0; i < kWarmUps && sample.cold; ++i) {
        AFS_ASSIGN(sample, measure(engine, test, options, generator));
    }
    return sample;
}

}  // namespace

std::string BenchTest::name() const {
    std::string name = generate ? "tg" + std::to_string(generate) : "pp" + std::to_string(prompt);
    if (context) name += " @ c" + std::to_string(context);
    if (batch > 1) name += " x" + std::to_string(batch);
    return name;
}

Result<BenchRow> run_bench(Engine& engine, const Plan& plan, const WeightSet& weights,
                           const BenchTest& test, const BenchOptions& options) {
    std::mt19937_64 generator(options.seed);
    BenchRow row;
    row.test = test;
    BenchTest warm_up = test;  // the same step classes and kernels, a few tokens of each
    warm_up.prompt = std::min(test.prompt, 16u);
    warm_up.generate = std::min(test.generate, 2u);
    AFS_TRY(measure(engine, warm_up, options, generator).status());
    std::vector<Drawn> drawn;
    for (uint32_t r = 0; r < options.repetitions; ++r) {
        AFS_ASSIGN(Sample sample, measure_warm(engine, test, options, generator));
        row.tokens_per_second.push_back(static_cast<double>(sample.tokens) / sample.seconds);
        drawn = std::move(sample.drawn);
    }
    if (options.check) {
        AFS_ASSIGN(row.check,
                   check_tokens(engine, drawn, {options.n_vocab, options.tolerance, options.stop}));
        if (row.check.outcome == BenchCheck::Outcome::wrong) {
            row.tokens_per_second.clear();
            return row;
        }
    } else {
        row.check.text = "not asked for";
    }
    const auto n = static_cast<double>(row.tokens_per_second.size());
    row.mean = std::accumulate(row.tokens_per_second.begin(), row.tokens_per_second.end(), 0.0) / n;
    double squares = 0;
    for (const double x : row.tokens_per_second) squares += (x - row.mean) * (x - row.mean);
    row.deviation = n > 1 ? std::sqrt(squares / (n - 1)) : 0;
    if (!test.generate) {
        row.flops = prompt_flops(plan, test.prompt) / test.prompt * row.mean;
    } else {
        const uint64_t middle = std::max(1u, test.context) + test.generate / 2;
        row.bytes_per_token =
            static_cast<double>(weight_bytes_per_step(plan, weights)) / test.batch +
            static_cast<double>(kv_bytes_at(plan, middle));
        row.bytes_per_second = row.bytes_per_token * row.mean;
    }
    return row;
}

}  // namespace afs
