// The part of the engine that takes requests.
#include <algorithm>
#include <cmath>

#include "engine/engine_impl.hpp"

namespace afs {

const char* finish_reason_name(FinishReason reason) {
    switch (reason) {
        case FinishReason::none: return "none";
        case FinishReason::length: return "length";
        case FinishReason::stop_id: return "stop id";
        case FinishReason::stop_string: return "stop string";
        case FinishReason::context_full: return "context full";
        case FinishReason::cancelled: return "cancelled";
    }
    return "unknown";
}

Status EngineImpl::check(const SamplingParams& sampling) const {
    const auto refuse = [](const char* name, float value, const char* expected) {
        return invalid(std::string(name) + " is " + std::to_string(value) + ", expected " +
                       expected);
    };
    if (!std::isfinite(sampling.temperature))
        return refuse("temperature", sampling.temperature, "a finite number");
    if (!(sampling.top_p >= 0.0f && sampling.top_p <= 1.0f))
        return refuse("top_p", sampling.top_p, "a number from 0 to 1");
    if (!(sampling.min_p >= 0.0f && sampling.min_p <= 1.0f))
        return refuse("min_p", sampling.min_p, "a number from 0 to 1");
    if (!(sampling.repetition_penalty > 0.0f) || !std::isfinite(sampling.repetition_penalty))
        return refuse("repetition_penalty", sampling.repetition_penalty, "a number above 0");
    if (samples_on_host(sampling) && !executor_->has_logits())
        return unsupported(
            "repetition_penalty needs logits, which this plan's programs keep "
            "inside");
    return {};
}

Status EngineImpl::check(const Request& request) const {
    AFS_TRY(check(request.sampling));
    if (request.prompt.empty()) return invalid("prompt is empty, expected at least one id");
    const auto columns = static_cast<int32_t>(executor_->vocab_rows());
    if (request.n_vocab < 0 || request.n_vocab > columns)
        return invalid("n_vocab is " + std::to_string(request.n_vocab) + ", the model has " +
                       std::to_string(columns) + " columns of logits");
    const int32_t n_vocab = request.n_vocab ? request.n_vocab : columns;
    for (size_t i = 0; i < request.prompt.size(); ++i)
        if (request.prompt[i] < 0 || request.prompt[i] >= n_vocab)
            return invalid("prompt token " + std::to_string(i) + " is " +
                           std::to_string(request.prompt[i]) + ", valid ids are 0 to " +
                           std::to_string(n_vocab - 1));
    if (request.prompt.size() > sizes_.max_context)
        return invalid("prompt has " + std::to_string(request.prompt.size()) +
                       " tokens, the context holds " + std::to_string(sizes_.max_context) +
                       "; shorten it or raise engine.max_context or engine.kv_memory_mib");
    const bool strings = std::any_of(request.stop_strings.begin(), request.stop_strings.end(),
                                     [](const std::string& s) { return !s.empty(); });
    if (strings && !tokenizer_)
        return invalid("stop strings need a tokenizer; call set_tokenizer first");
    if ((request.n_logprobs >= 0 || request.prompt_logprobs) && !executor_->has_logits())
        return unsupported("log-probabilities need logits, which this plan's programs keep inside");
    return {};
}

Result<uint64_t> EngineImpl::submit(Request request) {
    AFS_TRY(failed_);
    AFS_TRY(check(request).context("cannot take request"));
    auto sequence = std::make_unique<Sequence>();
    sequence->id = next_request_++;
    sequence->tokens = std::move(request.prompt);
    sequence->n_prompt = static_cast<uint32_t>(sequence->tokens.size());
    sequence->host_samples = samples_on_host(request.sampling);
    sequence->stops = StopStrings(request.stop_strings);
    sequence->detokeniser = Detokeniser(tokenizer_);
    sequence->detokeniser.follow(sequence->tokens);
    if (request.n_vocab == 0) request.n_vocab = static_cast<int32_t>(executor_->vocab_rows());
    sequence->request = std::move(request);
    const uint64_t id = sequence->id;
    stats_.reused_tokens += scheduler_.add(std::move(sequence));
    return id;
}

Result<uint64_t> EngineImpl::fork(uint64_t request, const SamplingParams& sampling) {
    AFS_TRY(failed_);
    AFS_TRY(check(sampling).context("cannot fork"));
    const Sequence* parent = scheduler_.find(request);
    if (!parent)
        return not_found("cannot fork request " + std::to_string(request) + ": it is over");
    auto child = std::make_unique<Sequence>();
    child->id = next_request_++;
    child->request = parent->request;
    child->request.sampling = sampling;
    child->request.prompt_logprobs = false;
    child->request.keep_cache = false;
    child->tokens = parent->tokens;
    child->n_prompt = parent->n_prompt;
    child->n_new = parent->n_new;
    child->host_samples = samples_on_host(sampling);
    child->detokeniser = parent->detokeniser;
    child->stops = parent->stops;
    const uint64_t id = child->id;
    scheduler_.fork(*parent, std::move(child));
    return id;
}

Status EngineImpl::cancel(uint64_t request) {
    if (!scheduler_.find(request))
        return not_found("cannot cancel request " + std::to_string(request) + ": it is over");
    scheduler_.remove(request);
    TokenEvent event;
    event.request = request;
    event.finish = FinishReason::cancelled;
    backlog_.push_back(std::move(event));
    return {};
}

Status EngineImpl::tap(const std::vector<std::string>& tags, Unformed unformed) {
    AFS_TRY(failed_);
    return executor_->tap(tags, unformed);
}

EngineStats EngineImpl::stats() const {
    EngineStats stats = stats_;
    stats.preemptions = scheduler_.preemptions();
    stats.kv_bytes = executor_->kv_bytes();
    stats.activation_bytes = executor_->activation_bytes();
    stats.packed_weight_bytes = executor_->weights().packed_bytes();
    stats.loaded_weight_bytes = executor_->weights().loaded_bytes();
    stats.load_seconds = executor_->weights().load_seconds();
    stats.kv_blocks = scheduler_.pool().usable();
    stats.kv_blocks_free = scheduler_.n_free_blocks();
    stats.block_size = sizes_.block_size;
    stats.max_context = sizes_.max_context;
    stats.max_sequences = sizes_.max_sequences;
    stats.prefill_chunk = sizes_.prefill_chunk;
    stats.run_ahead = options_.run_ahead;
    stats.padded_buckets = options_.padded;
    stats.graph_replays = executor_->stats().graph_replays;
    stats.eager_steps = executor_->stats().eager_steps;
    stats.captures = executor_->stats().captures;
    stats.capture_failures = executor_->stats().capture_failures;
    stats.capture_note = executor_->stats().capture_note;
    return stats;
}

}  // namespace afs
