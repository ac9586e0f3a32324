// Measures prompt processing (pp) and token generation (tg) of an engine, the way llama-bench
// does: one row a test, mean and standard deviation over repetitions, warm-up not counted.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

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
};

// Bytes of weights that one decode step reads: all that nodes read but embedding tables, of which
// a step reads a row. A tied table that a linear/1 reads counts.
uint64_t weight_bytes_per_step(const Plan& plan, const WeightSet& weights);
// Bytes of KV cache that attention reads for one token at a context of n tokens.
uint64_t kv_bytes_at(const Plan& plan, uint64_t n_tokens);

struct BenchOptions {
    uint32_t repetitions = 3;
    uint64_t seed = 1;
    int32_t n_vocab = 0;                                          // ids are drawn below this
    std::function<void(uint64_t done, uint64_t total)> progress;  // tokens of one repetition
    std::function<bool()> stop;  // asked between steps: true ends the run early
};

// CANCELLED when stop said so.
Result<BenchRow> run_bench(Engine& engine, const Plan& plan, const WeightSet& weights,
                           const BenchTest& test, const BenchOptions& options);

}  // namespace afs
