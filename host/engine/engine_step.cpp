// The part of the engine that makes steps and turns their rows into events.
#include <algorithm>

#include "engine/engine_impl.hpp"
#include "engine/floats.hpp"

namespace afs {

// Every sequence ends here: what the device holds can no longer be trusted.
Status EngineImpl::fail(const Status& status) {
    failed_ = status.context("the engine cannot go on");
    pending_.clear();
    backlog_.clear();
    scheduler_.remove_all();
    return failed_;
}

Result<std::vector<TokenEvent>> EngineImpl::step() {
    AFS_TRY(failed_);
    if (const Status status = advance(); !status.ok()) return fail(status);
    std::vector<TokenEvent> events = std::exchange(backlog_, {});
    std::stable_sort(events.begin(), events.end(), [](const TokenEvent& a, const TokenEvent& b) {
        return a.request < b.request;
    });
    return events;
}

Status EngineImpl::advance() {
    if (pending_.empty()) AFS_TRY(enqueue());
    if (pending_.empty()) {
        // Nothing is in flight, so whoever is left could have been placed.
        return scheduler_.empty() ? Status()
                                  : Status(Code::internal, "no sequence of those left can advance");
    }
    // Rows that the host must see first stop the run-ahead for this step.
    if (options_.run_ahead && pending_.size() == 1 && !pending_.front().wants_logits() &&
        !executor_->observing())
        AFS_TRY(enqueue());
    return collect();
}

Status EngineImpl::enqueue() {
    Batch batch = scheduler_.next(stats_.steps + 1);
    if (batch.empty()) return {};
    if (pending_.empty()) last_done_ = Clock::now();
    batch.number = ++stats_.steps;
    stats_.prompt_tokens += batch.n_prompt_tokens;
    AFS_TRY(executor_->enqueue(batch));
    pending_.push_back(std::move(batch));
    return {};
}

Status EngineImpl::finish_pending() {
    while (!pending_.empty()) AFS_TRY(collect());
    return {};
}

Status EngineImpl::collect() {
    AFS_ASSIGN(const StepResults results, executor_->wait());
    const Batch batch = std::move(pending_.front());
    pending_.pop_front();
    for (uint32_t row = 0; row < batch.n_rows(); ++row) AFS_TRY(take_row(batch, row, results));
    finish_prompts(batch);
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - last_done_).count();
    (batch.n_prompt_tokens > 0 ? stats_.prefill_seconds : stats_.decode_seconds) += seconds;
    last_done_ = now;
    return {};
}

const float* EngineImpl::row_floats(const StepResults& results, uint32_t row) {
    const char* from = results.logits + row * results.row_bytes;
    if (results.dtype == AFS_F32) return reinterpret_cast<const float*>(from);
    row_.resize(results.n_columns);
    to_floats(from, results.dtype, results.n_columns, row_.data());
    return row_.data();
}

Status EngineImpl::take_row(const Batch& batch, uint32_t row, const StepResults& results) {
    const BatchRow& use = batch.uses[row];
    Sequence* s = scheduler_.find(use.request);
    if (!s) {  // it ended, or was cancelled, while this step was under way
        ++stats_.discarded_rows;
        return {};
    }
    if (use.use == BatchRow::Use::prompt_logprob) {
        const LogProbs logprobs(row_floats(results, row), s->request.n_vocab);
        s->prompt_logprobs.push_back(logprobs.of(s->tokens[use.position]));
        return {};
    }
    if (s->in_flight_step == batch.number) s->in_flight_row.reset();
    return take_token(*s, row, use, batch.rows[row], results);
}

Status EngineImpl::take_token(Sequence& s, uint32_t row, const BatchRow& use, const afs_row& how,
                              const StepResults& results) {
    const bool wants = (how.flags & AFS_ROW_LOGITS) != 0;
    const float* logits = wants ? row_floats(results, row) : nullptr;
    int32_t id = 0;
    if (!use.on_host) {
        id = results.ids[row];
    } else if (!samples_on_host(s.request.sampling)) {
        id = sampler_.draw(logits, how);
    } else {
        penalised_.assign(logits, logits + how.n_vocab);
        sampler_.penalise(penalised_.data(), how.n_vocab, s.tokens,
                          s.request.sampling.repetition_penalty);
        id = sampler_.draw(penalised_.data(), how);
    }
    if (id < 0 || id >= how.n_vocab)
        return Status(Code::device, "sample/1 drew id " + std::to_string(id) + " for request " +
                                        std::to_string(s.id) + ", valid ids are 0 to " +
                                        std::to_string(how.n_vocab - 1));
    TokenEvent event;
    event.request = s.id;
    event.id = id;
    if (s.request.n_logprobs >= 0) {
        const LogProbs logprobs(logits, how.n_vocab);
        event.logprob = logprobs.of(id);
        event.top = logprobs.top(s.request.n_logprobs);
    }
    if (s.n_new == 0) event.prompt_logprobs = s.prompt_logprobs;
    AFS_ASSIGN(event.finish, accept(s, id));
    ++stats_.new_tokens;
    if (event.finish == FinishReason::none)
        backlog_.push_back(std::move(event));
    else
        end(s, std::move(event));
    return {};
}

Result<FinishReason> EngineImpl::accept(Sequence& s, int32_t id) {
    s.tokens.push_back(id);
    ++s.n_new;
    const auto& stops = s.request.stop_ids;
    if (std::find(stops.begin(), stops.end(), id) != stops.end()) return FinishReason::stop_id;
    if (s.stops.any()) {
        AFS_ASSIGN(const std::string bytes, s.detokeniser.push(id));
        if (s.stops.push(bytes)) return FinishReason::stop_string;
        static_cast<void>(s.stops.take_safe());  // no stop string can start there any more
    }
    if (s.n_new >= s.request.max_new_tokens) return FinishReason::length;
    if (s.n_known() > sizes_.max_context) return FinishReason::context_full;
    return FinishReason::none;
}

// Requests without new tokens end with their prompt.
void EngineImpl::finish_prompts(const Batch& batch) {
    for (const uint64_t id : batch.members) {
        Sequence* s = scheduler_.find(id);
        if (!s || s->request.max_new_tokens > 0 || s->n_cached < s->n_prompt) continue;
        TokenEvent event;
        event.request = id;
        event.finish = FinishReason::length;
        event.prompt_logprobs = std::move(s->prompt_logprobs);
        end(*s, std::move(event));
    }
}

void EngineImpl::end(Sequence& s, TokenEvent event) {
    backlog_.push_back(std::move(event));
    scheduler_.remove(s.id);
}

Status EngineImpl::chunk_logits(const std::vector<int32_t>& ids, uint32_t from, uint32_t n,
                                BlockTable& table, std::vector<float>& out) {
    Batch batch;
    AFS_TRY(scheduler_.make_room(table, from, from + n, batch.copies));
    const std::vector<int32_t> part(ids.begin() + from, ids.begin() + from + n);
    batch.add_sequence(part, from, table.blocks(), sizes_.block_size);
    for (uint32_t i = 0; i < n; ++i) {
        afs_row row{};
        row.flags = AFS_ROW_LOGITS;
        row.top_p = 1.0f;
        row.n_vocab = static_cast<int32_t>(executor_->vocab_rows());
        row.counter = from + i + 1;
        batch.add_row(i, row, {0, BatchRow::Use::logits, true, row.counter});
    }
    ++stats_.steps;
    AFS_TRY(executor_->enqueue(batch));
    AFS_ASSIGN(const StepResults results, executor_->wait());
    for (uint32_t i = 0; i < n; ++i) {
        const float* row = row_floats(results, i);
        out.insert(out.end(), row, row + results.n_columns);
    }
    return {};
}

Result<std::vector<float>> EngineImpl::logits(const std::vector<int32_t>& ids, uint32_t chunk) {
    AFS_TRY(failed_);
    if (!executor_->has_logits())
        return unsupported("cannot read logits: this plan's programs keep them inside");
    Request request;
    request.prompt = ids;
    AFS_TRY(check(request).context("cannot read logits"));
    if (const Status status = finish_pending(); !status.ok()) return fail(status);
    const uint32_t most = std::min(sizes_.prefill_chunk, sizes_.max_rows);
    chunk = chunk == 0 ? most : std::min(chunk, most);
    BlockTable table;
    std::vector<float> out;
    out.reserve(ids.size() * executor_->vocab_rows());
    Status status;
    const auto n = static_cast<uint32_t>(ids.size());
    for (uint32_t from = 0; from < n && status.ok(); from += chunk)
        status = chunk_logits(ids, from, std::min(chunk, n - from), table, out);
    table.release(scheduler_.pool());
    if (!status.ok()) return fail(status);
    return out;
}

}  // namespace afs
