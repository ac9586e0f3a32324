// The engine: sequences in, tokens out. This is the public header for programs that embed AFS.
//
//   auto engine = afs::Engine::create(plan, weights, {});   // Result<std::unique_ptr<Engine>>
//   auto id = (*engine)->submit(request);                   // Result<uint64_t>
//   while (!(*engine)->idle()) {
//       auto events = (*engine)->step();                    // Result<std::vector<TokenEvent>>
//       if (!events.ok()) return report(events.status());
//       for (const afs::TokenEvent& e : *events) ...        // e.request, e.id, e.finish
//   }
//
// tests/host/engine/embed_test.cpp is a complete program. A plan comes from planner/planner.hpp,
// limits for it from engine/limits.hpp, weights from afs/weights/; afs::TextStream
// (engine/text_stream.hpp) turns ids into text that can be shown at once.
//
// One thread at a time makes all calls; the engine starts no thread of its own. Nothing here
// throws. Requests join the next step whenever they are submitted; prompts are processed in chunks
// between the decode steps of others. Where the plan's kernels are batch-invariant, a sequence's
// tokens do not depend on what else is in the batch, on how its prompt was cut into chunks, or on
// whether it lost its cache blocks in between and was computed again.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "afs/status.hpp"
#include "planner/plan.hpp"

namespace afs {

class Tokenizer;  // afs/tokenizer.hpp
class WeightSet;  // afs/weights/weight_set.hpp

struct EngineOptions {
    uint32_t max_context = 0;    // tokens of one sequence; 0: what the plan's limits allow
    uint32_t max_sequences = 0;  // that run at once; 0: what the plan's limits allow
    uint32_t prefill_chunk = 0;  // tokens of one step; 0: what the plan's limits allow
    // Sequences that generate wait while a prompt is unfinished: a batch then generates as a whole.
    bool prompts_first = false;
    // KV cache. 0: enough for max_sequences x max_context, but no more than the memory has free
    // beside weights and activations, less a margin; room for one sequence must remain. Otherwise
    // the cache takes at most this, and max_context shrinks to what it holds.
    uint64_t kv_bytes = 0;
    // Whether step n+1 is enqueued before token n is read. automatic: where the plan's memory is
    // asynchronous. It changes no token. on: INVALID where the plan cannot.
    enum class RunAhead { automatic, on, off } run_ahead = RunAhead::automatic;
    // Whether step sizes are rounded up so that few of them differ. automatic: where programs are
    // compiled for each size or the memory captures.
    enum class Buckets { automatic, exact, padded } buckets = Buckets::automatic;
    // Folder for packed weights (engine/packed_cache.hpp); empty: they are packed at every start.
    std::filesystem::path packed_cache = {};
};

// The draw itself is defined in afs/sample.hpp: one for each (seed, position of the new token).
struct SamplingParams {
    float temperature = 0.0f;  // <= 0: greedy, lowest id on ties
    int32_t top_k = 0;         // <= 0: off
    float top_p = 1.0f;        // in [0, 1]; 1: off
    float min_p = 0.0f;        // in [0, 1]; 0: off
    // > 0; 1: off. Each id of prompt and text so far has its logit divided (if positive) or
    // multiplied by it. The host then samples this sequence, and steps with it are not run ahead.
    float repetition_penalty = 1.0f;
    uint64_t seed = 1;
};

struct Request {
    std::vector<int32_t> prompt;  // at least one id
    SamplingParams sampling;
    uint32_t max_new_tokens = 256;  // 0: only process the prompt
    int32_t n_vocab = 0;            // valid ids (the tokenizer's); 0: every column of the logits
    std::vector<int32_t> stop_ids;
    std::vector<std::string> stop_strings;  // bytes; need Engine::set_tokenizer
    int32_t n_logprobs = -1;       // -1: none; 0: of the token itself; n: and of the n likeliest
    bool prompt_logprobs = false;  // of every prompt token but the first
    // When the sequence is over, the cache keeps what it computed, for the next request: as far as
    // that begins with the same tokens it need not be processed again (the next turn of a chat).
    // Given up as soon as anybody needs the blocks. One sequence at a time is kept.
    bool keep_cache = false;
};

enum class FinishReason { none, length, stop_id, stop_string, context_full, cancelled };
const char* finish_reason_name(FinishReason reason);  // "length", "stop id", ..

struct TokenEvent {
    uint64_t request = 0;
    // The new token, a stop id and the token that completes a stop string included (TextStream cuts
    // the text there). -1: none, the event only ends a sequence that was cancelled or that wanted
    // no new token.
    int32_t id = -1;
    FinishReason finish = FinishReason::none;  // else this is the sequence's last event
    // Natural logs of the probabilities that the model gives before temperature, penalty and cuts,
    // over n_vocab ids. Filled when n_logprobs >= 0.
    float logprob = 0.0f;
    std::vector<std::pair<int32_t, float>> top;  // n_logprobs of them, likeliest first
    // Of prompt tokens 1, 2, ..; with the sequence's first event, if asked for.
    std::vector<float> prompt_logprobs;
};

struct EngineStats {
    uint64_t prompt_tokens = 0;   // processed, those computed again after a preemption included
    uint64_t reused_tokens = 0;   // of prompts, found in the cache that an earlier request kept
    uint64_t new_tokens = 0;      // delivered as events
    uint64_t steps = 0;           // enqueued
    uint64_t discarded_rows = 0;  // sampled for sequences that had already ended (run-ahead)
    uint64_t preemptions = 0;     // times a sequence lost its blocks and was computed again
    double prefill_seconds = 0, decode_seconds = 0;  // steps with prompt tokens; all others
    uint64_t kv_bytes = 0, activation_bytes = 0, packed_weight_bytes = 0;
    // Weights brought to a memory that cannot read them where they lie, or packed.
    uint64_t loaded_weight_bytes = 0;
    double load_seconds = 0;
    uint32_t kv_blocks = 0, kv_blocks_free = 0, block_size = 0;      // scratch not counted
    uint32_t max_context = 0, max_sequences = 0, prefill_chunk = 0;  // as they came out
    bool run_ahead = false, padded_buckets = false;
    uint64_t graph_replays = 0, eager_steps = 0, captures = 0, capture_failures = 0;
    std::string capture_note;  // why the last capture failed; such buckets run eagerly
};

class Engine {
public:
    virtual ~Engine() = default;

    // Allocates everything a step needs and prepares every kernel. The plan is shared and frozen;
    // its backends must have been opened by the caller and stay open through plan->backends. What
    // the weights point into is kept alive by the engine (they are used in place where the memory
    // can read the mapped file). NO_MEMORY says what was needed, what was available and which
    // option to lower; INVALID names the option that exceeds the plan's limits.
    static Result<std::unique_ptr<Engine>> create(std::shared_ptr<const Plan> plan,
                                                  const WeightSet& weights,
                                                  const EngineOptions& options);

    // For stop strings; the tokenizer must outlive the engine.
    virtual void set_tokenizer(Tokenizer* tokenizer) = 0;

    // The request's number; later requests have larger ones. INVALID: no prompt, an id outside the
    // vocabulary, a prompt longer than max_context (says both numbers), sampling parameters out of
    // range, stop strings without a tokenizer. A request that was accepted is never dropped: it
    // waits for blocks while the cache is full.
    virtual Result<uint64_t> submit(Request request) = 0;

    // A new sequence that shares the parent's tokens as far as they were delivered (its cache
    // blocks are copied only when written to) and goes on with its own sampling. Everything else,
    // the number of new tokens so far included, is the parent's. NOT_FOUND: the parent is over.
    virtual Result<uint64_t> fork(uint64_t request, const SamplingParams& sampling) = 0;

    // The sequence gives its blocks back at once and ends with an event `cancelled` in the next
    // step. NOT_FOUND: already over.
    virtual Status cancel(uint64_t request) = 0;

    // One step for all sequences: the events it gave, by request. May be empty (a chunk of a
    // prompt; nothing to do). An error names plan, step, sizes and node; it ends every sequence,
    // and from then on submit, fork, step and logits return it again: make a new engine.
    virtual Result<std::vector<TokenEvent>> step() = 0;

    // No sequence waits or runs and no event is left to deliver.
    virtual bool idle() const = 0;

    // Logits [ids.size(), vocabulary] as fp32 after every token of a sequence, which is processed
    // alone in chunks of `chunk` tokens (0: as large as possible; at most what the plan's limits
    // allow in rows and tokens). Others keep their tokens, but may have to be computed again.
    virtual Result<std::vector<float>> logits(const std::vector<int32_t>& ids, uint32_t chunk) = 0;

    // The contents of a value in one step, as fp32.
    struct Tap {
        std::string tag;
        std::vector<int64_t> dims;
        std::vector<float> data;
    };
    // What happens with a watched value that a whole-step program never forms: the step fails with
    // UNSUPPORTED, or the value is left out.
    enum class Unformed { fail, skip };
    // Watches values by tag during the steps to come, which then run eagerly, one at a time. Empty:
    // none any more. NOT_FOUND: no such tag; UNSUPPORTED: not an activation.
    virtual Status tap(const std::vector<std::string>& tags,
                       Unformed unformed = Unformed::fail) = 0;
    // What was seen since the last call, in the order of execution.
    virtual std::vector<Tap> take_taps() = 0;

    // Where the time of one step went, unit by unit.
    struct StepProfile {
        uint32_t class_index = 0;  // into Plan::classes
        uint32_t n_tokens = 0, n_seqs = 0, n_rows = 0;
        uint64_t context = 0;              // cached tokens that attention reads, of all sequences
        std::vector<double> unit_seconds;  // [units of the class]; below 0: it was not run
        bool device_clock = false;         // false: the host's clock, waiting for each unit
    };
    // Times each unit of the steps to come, which then run eagerly, one at a time.
    virtual void profile(bool on) = 0;
    // What was timed since the last call.
    virtual std::vector<StepProfile> take_profiles() = 0;

    virtual EngineStats stats() const = 0;
};

}  // namespace afs
