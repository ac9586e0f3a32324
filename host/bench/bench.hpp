// Measures prompt processing (pp) and token generation (tg) of an engine, the way llama-bench
// does: one row a test, mean and standard deviation over repetitions, warm-up not counted. What the
// last repetition drew is then checked (bench/check.hpp): a wrong row has no speed.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/check.hpp"
#include "engine/engine.hpp"

namespace afs {

class WeightSet;

struct BenchTest {
    uint32_t prompt = 0;       // pp: tokens processed, nothing sampled but the last row
    uint32_t generate = 0;     // tg: tokens generated for each sequence
    uint32_t batch = 1;        // sequences at once
    uint32_t context = 0;      // tokens already in the cache before the clock starts
    std::string name() const;  // "pp512", "tg128", "tg128 @ c4000 x8"
};

struct BenchRow {
    BenchTest test;
    std::vector<double> tokens_per_second;  // one a repetition
    double mean = 0, deviation = 0;
    double bytes_per_token = 0;  // tg: weights and KV read for one step, over the batch
    double bytes_per_second = 0;
    double flops = 0;  // pp: operations a second
    BenchCheck check;  // wrong: nothing above but the test is filled
};

struct BenchOptions {
    uint32_t repetitions = 3;
    bool check = true;
    double tolerance = 0.15;  // of check_tokens
    uint64_t seed = 1;
    int32_t n_vocab = 0;                                          // ids are drawn below this
    std::function<void(uint64_t done, uint64_t total)> progress;  // tokens of one repetition
    std::function<bool()> stop;  // asked between steps: true ends the run early
};

// CANCELLED when stop said so.
Result<BenchRow> run_bench(Engine& engine, const Plan& plan, const WeightSet& weights,
                           const BenchTest& test, const BenchOptions& options);

}  // namespace afs
