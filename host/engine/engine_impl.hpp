// The engine behind engine.hpp: the scheduler composes steps, the executor runs them, this class
// turns their rows into tokens.
#pragma once
#include <chrono>
#include <deque>
#include <string>

#include "engine/engine.hpp"
#include "engine/executor.hpp"
#include "engine/sampler.hpp"
#include "engine/scheduler.hpp"

namespace afs {

class EngineImpl final : public Engine {
public:
    EngineImpl(std::unique_ptr<Executor> executor, const StepSizes& sizes,
               const ExecutorOptions& options)
        : sizes_(sizes),
          options_(options),
          executor_(std::move(executor)),
          scheduler_(sizes, executor_->host_samples()) {}

    void set_tokenizer(Tokenizer* tokenizer) override { tokenizer_ = tokenizer; }
    Result<uint64_t> submit(Request request) override;
    Result<uint64_t> fork(uint64_t request, const SamplingParams& sampling) override;
    Status cancel(uint64_t request) override;
    Result<std::vector<TokenEvent>> step() override;
    bool idle() const override {
        return scheduler_.empty() && backlog_.empty() && pending_.empty();
    }
    Result<std::vector<float>> logits(const std::vector<int32_t>& ids, uint32_t chunk) override;
    Status tap(const std::vector<std::string>& tags, Unformed unformed) override;
    std::vector<Tap> take_taps() override { return executor_->take_taps(); }
    void profile(bool on) override { executor_->profile(on); }
    std::vector<StepProfile> take_profiles() override { return executor_->take_profiles(); }
    EngineStats stats() const override;

private:
    using Clock = std::chrono::steady_clock;

    Status check(const Request& request) const;
    Status check(const SamplingParams& sampling) const;
    bool samples_on_host(const SamplingParams& sampling) const {
        return sampling.repetition_penalty != 1.0f;
    }

    Status advance();
    Status enqueue();         // the next step, if somebody can advance
    Status collect();         // the oldest step's rows become events
    Status finish_pending();  // all that is enqueued
    Status take_row(const Batch& batch, uint32_t row, const StepResults& results);
    Status take_token(Sequence& s, uint32_t row, const BatchRow& use, const afs_row& how,
                      const StepResults& results);
    Result<FinishReason> accept(Sequence& s, int32_t id);
    void finish_prompts(const Batch& batch);
    void end(Sequence& s, TokenEvent event);
    const float* row_floats(const StepResults& results, uint32_t row);
    Status chunk_logits(const std::vector<int32_t>& ids, uint32_t from, uint32_t n,
                        BlockTable& table, std::vector<float>& out);
    Status fail(const Status& status);

    const StepSizes sizes_;
    const ExecutorOptions options_;
    std::unique_ptr<Executor> executor_;
    Scheduler scheduler_;
    Sampler sampler_;
    Tokenizer* tokenizer_ = nullptr;
    std::deque<Batch> pending_;  // enqueued, oldest first
    std::vector<TokenEvent> backlog_;
    std::vector<float> row_, penalised_;  // scratch
    uint64_t next_request_ = 1;
    Status failed_;
    Clock::time_point last_done_{};
    EngineStats stats_;
};

}  // namespace afs
