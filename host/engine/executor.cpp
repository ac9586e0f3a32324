#include "engine/executor.hpp"

#include <algorithm>

#include "afs/check.hpp"
#include "afs/numeric.hpp"

namespace afs {

uint32_t Executor::vocab_rows() const {
    const afs_value& logits = *context_.graph->values[context_.logits_value];
    return static_cast<uint32_t>(logits.dims[logits.rank - 1]);
}

uint64_t Executor::activation_bytes() const {
    uint64_t bytes = 0;
    for (const Buffer& arena : context_.arenas) bytes += arena.bytes();
    return bytes;
}

uint32_t Executor::class_of(const Batch& batch) const {
    const auto& limits = context_.sizes.limits;
    if (!batch.decode_only || limits.size() <= AFS_CLASS_DECODE) return AFS_CLASS_GENERAL;
    const afs_limits& decode = limits[AFS_CLASS_DECODE];
    const bool fits = batch.n_tokens() <= decode.max_tokens && batch.n_seqs() <= decode.max_seqs &&
                      batch.n_rows() <= decode.max_rows;
    return fits ? AFS_CLASS_DECODE : AFS_CLASS_GENERAL;
}

Bucket Executor::bucket_of(const Batch& batch, uint32_t class_index) const {
    const afs_limits& limits = context_.sizes.limits[class_index];
    return options_.padded ? padded_bucket(batch, limits, context_.sizes.block_size)
                           : exact_bucket(batch, limits.step_class, context_.sizes.block_size);
}

Status Executor::where(const Status& status, const InFlight& step) const {
    if (status.ok()) return status;
    return status.context("step " + std::to_string(step.number) + " failed (plan " +
                          context_.plan->id + ", " + step.bucket.text() + ")");
}

Status Executor::enqueue(const Batch& batch) {
    AFS_CHECK(in_flight_.size() < (options_.run_ahead ? 2u : 1u), "too many steps in flight");
    InFlight step;
    step.class_index = class_of(batch);
    step.n_rows = batch.n_rows();
    step.parity = options_.run_ahead ? static_cast<uint32_t>(n_steps_ % 2) : 0;
    step.logits = batch.wants_logits();
    step.bucket = bucket_of(batch, step.class_index);
    ClassState& state = classes_[step.class_index];
    step.number = ++n_steps_;
    const auto run = [&]() -> Status {
        AFS_ASSIGN(BucketEntry * entry, state.buckets->get(step.bucket, host_ids_));
        AFS_TRY(context_.kv->copy_blocks(batch.copies));
        for (const uint32_t memory : state.runner->memories())
            AFS_TRY(
                context_.domains[memory]->send(batch, entry->layout, context_.sizes.block_size));
        AFS_TRY(run_units(state, *entry, batch));
        return fetch(state, *entry, batch, step);
    };
    AFS_TRY(where(run(), step));
    in_flight_.push_back(step);
    return {};
}

// Decode steps recur and are over before the host has launched the next one's kernels; among steps
// with prompts few are alike, and long ones keep the device busy while the host launches.
bool Executor::pays_to_capture(const BucketEntry& entry) const {
    constexpr uint32_t kLongStep = 256, kRunsOfOthers = 2;
    if (entry.never_capture || entry.eager_runs == 0) return false;
    if (entry.bucket.step_class == AFS_CLASS_DECODE) return true;
    return entry.bucket.n_tokens <= kLongStep && entry.eager_runs >= kRunsOfOthers;
}

Status Executor::run_units(ClassState& state, BucketEntry& entry, const Batch& batch) {
    if (observing()) {
        ++stats_.eager_steps;
        const TapRequest request{tapped_, unformed_, batch.n_tokens(), batch.n_rows(), &taps_};
        const TapRequest* taps = tapped_.empty() ? nullptr : &request;
        return timer_ ? run_profiled(state, entry, batch, taps)
                      : state.runner->run(entry, taps, nullptr);
    }
    if (!entry.capture && pays_to_capture(entry) && state.runner->capturable(entry))
        AFS_TRY(capture(state, entry));
    if (entry.capture) {
        Domain& domain = *context_.domains[state.runner->memories()[0]];
        ++stats_.graph_replays;
        return domain.device().replay(entry.capture, domain.stream());
    }
    ++stats_.eager_steps;
    AFS_TRY(state.runner->run(entry, nullptr, nullptr));
    ++entry.eager_runs;
    return {};
}

Status Executor::run_profiled(ClassState& state, BucketEntry& entry, const Batch& batch,
                              const TapRequest* taps) {
    Engine::StepProfile profile;
    profile.class_index = static_cast<uint32_t>(&state - classes_.data());
    profile.n_tokens = batch.n_tokens();
    profile.n_seqs = batch.n_seqs();
    profile.n_rows = batch.n_rows();
    for (const int32_t length : batch.context_lens)
        profile.context += static_cast<uint64_t>(length);
    AFS_TRY(state.runner->run(entry, taps, timer_.get()));
    AFS_ASSIGN(profile.unit_seconds, timer_->finish());
    profile.device_clock = timer_->device_clock();
    profiles_.push_back(std::move(profile));
    return {};
}

void Executor::profile(bool on) {
    timer_ = on ? std::make_unique<StepTimer>(context_.domains) : nullptr;
}

// Leaves entry.capture empty where the capture fails: the step then runs eagerly, as do all later
// ones of this bucket.
Status Executor::capture(ClassState& state, BucketEntry& entry) {
    Domain& domain = *context_.domains[state.runner->memories()[0]];
    Status status = domain.device().capture_begin(domain.stream());
    if (status.ok()) {
        status = state.runner->run(entry, nullptr, nullptr);
        auto captured = domain.device().capture_end(domain.stream(), !status.ok());
        if (status.ok() && captured.ok())
            entry.capture = *captured;
        else if (status.ok())
            status = captured.status();
    }
    if (entry.capture) {
        ++stats_.captures;
        return {};
    }
    entry.never_capture = true;
    ++stats_.capture_failures;
    stats_.capture_note = entry.bucket.text() + ": " +
                          (status.ok() ? "the device returned no capture" : status.message());
    return {};
}

Status Executor::fetch(ClassState& state, const BucketEntry& entry, const Batch& batch,
                       InFlight& step) {
    if (step.logits) AFS_TRY(fetch_logits(state, entry, batch));
    const uint32_t memory = state.ids_memory;
    if (memory != kNone && step.n_rows > 0 && !host_ids_[memory]) {
        Domain& domain = *context_.domains[memory];
        AFS_TRY(
            domain.device().copy(domain.stream(), AFS_COPY_D2H, ids_[step.parity][memory].data(),
                                 context_.prev_ids[memory].data(), step.n_rows * sizeof(int32_t)));
    }
    for (const uint32_t m : state.runner->memories())
        AFS_TRY(done_[step.parity][m].record(context_.domains[m]->stream()));
    return {};
}

Status Executor::fetch_logits(ClassState& state, const BucketEntry& entry, const Batch& batch) {
    const uint32_t memory = state.logits_memory;
    if (memory == kNone) return unsupported("logits are wanted, but a program keeps them inside");
    Domain& domain = *context_.domains[memory];
    const afs_tensor logits = state.runner->tensor(memory, context_.logits_value, entry.bucket);
    logits_at_ = static_cast<const char*>(logits.data);
    if (domain.host_reads() && domain.synchronous()) return {};
    const uint64_t row = tensor_bytes(logits) / static_cast<uint64_t>(logits.dims[0]);
    if (logits_.bytes() < row * batch.n_rows()) {
        AFS_ASSIGN(logits_,
                   Buffer::create(domain.shared_device(), AFS_MEM_PINNED, row * batch.n_rows()));
    }
    // Neighbouring rows that are wanted travel together.
    for (uint32_t r = 0; r < batch.n_rows();) {
        uint32_t end = r;
        while (end < batch.n_rows() && (batch.rows[end].flags & AFS_ROW_LOGITS)) ++end;
        if (end > r)
            AFS_TRY(domain.device().copy(domain.stream(), AFS_COPY_D2H, logits_.data() + r * row,
                                         logits_at_ + r * row, (end - r) * row));
        r = std::max(end, r + 1);
    }
    logits_at_ = logits_.data();
    return {};
}

Result<StepResults> Executor::wait() {
    AFS_CHECK(!in_flight_.empty(), "nothing was enqueued");
    const InFlight step = in_flight_.front();
    in_flight_.erase(in_flight_.begin());
    ClassState& state = classes_[step.class_index];
    for (const uint32_t m : state.runner->memories())
        AFS_TRY(where(done_[step.parity][m].sync(), step));
    StepResults results;
    if (state.ids_memory != kNone) results.ids = ids_[step.parity][state.ids_memory].as<int32_t>();
    if (step.logits) {
        results.logits = logits_at_;
        results.dtype = context_.graph->values[context_.logits_value]->dtype;
        results.n_columns = vocab_rows();
        results.row_bytes = results.n_columns * dtype_size(results.dtype);
    }
    return results;
}

Status Executor::tap(const std::vector<std::string>& tags, Engine::Unformed unformed) {
    std::set<uint32_t> values;
    for (const std::string& tag : tags) {
        const uint32_t value = context_.plan->graph->find(tag);
        if (value == kNone)
            return not_found("cannot watch '" + tag + "': the graph has no value of this tag");
        for (const ClassState& state : classes_) AFS_TRY(state.runner->can_tap(value));
        values.insert(value);
    }
    tapped_ = std::move(values);
    unformed_ = unformed;
    return {};
}

}  // namespace afs
