// What an engine is given when it is measured: a prompt, and tokens generated after it.
#pragma once
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "runtime/runtime.hpp"

namespace afs {

struct Workload {
    std::vector<int32_t> prompt;
    uint32_t new_tokens = 32;  // after the one that the prompt gives
    uint32_t batch = 1;
    int32_t n_vocab = 0;
};

// The configuration with room for `context` tokens (0: the model's own) of `batch` sequences that
// generate as a whole; what the command line says stays. INVALID: it allows fewer sequences. who:
// named as the origin.
Result<Config> with_room(const Config& config, uint64_t context, uint32_t batch, const char* who);

// INVALID: the engine's context, or its cache, holds no sequence of `tokens`. what asks for them,
// as the command line says it: "--pp 1024".
Status check_context(const Engine& engine, uint64_t tokens, const std::string& what);

// Follows the steps of a batch: what was measured counts only if its sequences ran together.
class BatchWatch {
public:
    explicit BatchWatch(uint32_t batch) : batch_(batch) {}
    void see(const std::vector<TokenEvent>& events);  // of the next step
    bool all_started() const { return started_.size() == batch_; }
    // INVALID: once each sequence had its first token, a step ran without some of them.
    Status ran_together() const;

private:
    uint32_t batch_;
    std::set<uint64_t> started_;
    bool together_ = true;
};

// Ids of a text; without a tokenizer (random weights) n ids drawn at random, the same each time.
Result<std::vector<int32_t>> prompt_ids(Runtime& runtime, const std::string& text, uint32_t n);
// Valid ids of the model: the tokenizer's, else the rows of the embedding.
int32_t valid_ids(const Runtime& runtime);

struct WorkloadTimes {
    double prompt_seconds = 0;         // from submit to the first token of all sequences
    double token_seconds = 0;          // from there to the last one
    std::vector<double> step_seconds;  // of the steps between
    uint32_t n_steps() const { return static_cast<uint32_t>(step_seconds.size()); }
};

// Runs it to its end, whatever ids come. stop: asked between steps; then CANCELLED. INVALID: the
// sequences did not run together.
Result<WorkloadTimes> run_workload(Engine& engine, const Workload& workload,
                                   const std::function<bool()>& stop);

}  // namespace afs
