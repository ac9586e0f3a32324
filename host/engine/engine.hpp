// The engine: sequences in, tokens out. This is the public header for programs that embed AFS.
//
//   auto engine = afs::Engine::create(plan, weights, options);     // Result<unique_ptr<Engine>>
//   auto id = (*engine)->submit(request);
//   while (!(*engine)->idle())
//       for (const afs::TokenEvent& e : *(*engine)->step()) ...
//
// Every call comes from one thread at a time. Nothing here throws. Continuous batching: requests
// submitted at any time join the next step; prompts are processed in chunks between the decode
// steps of others. All of a sequence's results are independent of what else is in the batch when
// the plan's kernels are batch-invariant.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "afs/status.hpp"
#include "planner/plan.hpp"

namespace afs {

class Tokenizer;
class WeightSource;  // afs/weights/weight_source.hpp

struct EngineOptions {
    uint32_t max_context = 0;    // tokens of one sequence; 0: what the limits of the plan allow
    uint32_t max_sequences = 0;  // at once; 0: what the limits of the plan allow
    uint32_t prefill_chunk = 0;  // prompt tokens a step; 0: what the limits of the plan allow
    uint64_t kv_bytes = 0;       // KV cache; 0: enough for max_sequences x max_context, at most
                                 // what the device has free less a margin
    enum class RunAhead { automatic, on, off } run_ahead = RunAhead::automatic;
    enum class Buckets { automatic, exact, padded } buckets = Buckets::automatic;
};

struct SamplingParams {
    float temperature = 0.0f;  // <= 0: greedy
    int32_t top_k = 0;         // <= 0: off
    float top_p = 1.0f;
    float min_p = 0.0f;
    float repetition_penalty = 1.0f;  // 1: off; else the host samples this sequence
    uint64_t seed = 1;
};

struct Request {
    std::vector<int32_t> prompt;  // at least one id
    SamplingParams sampling;
    uint32_t max_new_tokens = 256;  // 0: only process the prompt
    int32_t n_vocab = 0;            // valid ids; 0: every row of the logits
    std::vector<int32_t> stop_ids;
    std::vector<std::string> stop_strings;  // needs Engine::set_tokenizer
    int32_t n_logprobs = -1;       // -1: none; 0: of the token itself; n: and of the n likeliest
    bool prompt_logprobs = false;  // also of every prompt token but the first
};

enum class FinishReason { none, length, stop_id, stop_string, context_full, cancelled };
const char* finish_reason_name(FinishReason reason);

struct TokenEvent {
    uint64_t request = 0;
    int32_t id = -1;  // -1: no token, only a finish or prompt results
    FinishReason finish = FinishReason::none;
    float logprob = 0.0f;                        // natural log, after no temperature
    std::vector<std::pair<int32_t, float>> top;  // likeliest first
    std::vector<float> prompt_logprobs;          // with the first event, if asked for
};

struct EngineStats {
    uint64_t prompt_tokens = 0, new_tokens = 0, steps = 0, discarded_rows = 0;
    double prefill_seconds = 0, decode_seconds = 0;  // steps with prompt tokens; pure decode steps
    uint64_t kv_bytes = 0, activation_bytes = 0, packed_weight_bytes = 0;
    uint32_t kv_blocks = 0, kv_blocks_free = 0, block_size = 0;
    uint64_t graph_replays = 0, eager_steps = 0;
};

class Engine {
public:
    virtual ~Engine() = default;

    // Allocates everything a step needs and prepares every kernel; the plan is shared and frozen.
    // weights must outlive the engine where a backend reads them in place.
    static Result<std::unique_ptr<Engine>> create(std::shared_ptr<const Plan> plan,
                                                  const WeightSource& weights,
                                                  const EngineOptions& options);

    // For stop strings; the tokenizer must outlive the engine.
    virtual void set_tokenizer(Tokenizer* tokenizer) = 0;

    // INVALID: empty prompt, an id outside the vocabulary, a prompt longer than the context (says
    // both numbers). The request waits for blocks if the cache is full; it is never dropped.
    virtual Result<uint64_t> submit(Request request) = 0;

    // A new sequence that shares the parent's tokens so far (copy on write) and continues with its
    // own sampling. The parent must not have finished.
    virtual Result<uint64_t> fork(uint64_t request, const SamplingParams& sampling) = 0;

    // The sequence ends with an event `cancelled` in the next step. NOT_FOUND: already over.
    virtual Status cancel(uint64_t request) = 0;

    // One step for all sequences; the tokens it produced, in order of submission. An error ends
    // every sequence of the step and names plan, step, bucket and node.
    virtual Result<std::vector<TokenEvent>> step() = 0;

    // No sequence waits or runs.
    virtual bool idle() const = 0;

    // Logits [n_rows, vocab] as fp32 of every position of a token sequence, processed alone in
    // chunks of `chunk` tokens (0: the engine's), without touching other sequences.
    virtual Result<std::vector<float>> logits(const std::vector<int32_t>& ids, uint32_t chunk) = 0;

    // Watches a value by tag during the next steps (eager only): calls back with its fp32 contents.
    // An unknown tag is NOT_FOUND; one that a program never forms is UNSUPPORTED.
    struct Tap {
        std::string tag;
        std::vector<int64_t> dims;
        std::vector<float> data;
    };
    virtual Status tap(const std::vector<std::string>& tags) = 0;  // empty: none any more
    virtual std::vector<Tap> take_taps() = 0;

    virtual EngineStats stats() const = 0;
};

}  // namespace afs
