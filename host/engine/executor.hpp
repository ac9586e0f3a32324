// Runs batches: sends the record, runs or replays the units, brings ids and logits back. At most
// two steps are enqueued and not yet waited for.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/bucket_cache.hpp"

namespace afs {

struct ExecutorOptions {
    bool padded = false;     // buckets
    bool run_ahead = false;  // a step may be enqueued before the one before it was waited for
    std::filesystem::path packed_cache = {};
};

struct ExecutorStats {
    uint64_t graph_replays = 0, eager_steps = 0, captures = 0, capture_failures = 0;
    std::string capture_note;  // why the last capture failed
};

// What a step left for the host, valid until the next but one step is enqueued (ids) or the next
// one (logits).
struct StepResults {
    const int32_t* ids = nullptr;  // [n_rows]; NULL: nobody sampled on the device
    // Row-major; row i at logits + i * row_bytes; NULL: none were wanted.
    const char* logits = nullptr;
    uint64_t row_bytes = 0;
    int32_t dtype = AFS_DTYPE_NONE;
    uint32_t n_columns = 0;
};

class Executor {
public:
    static Result<std::unique_ptr<Executor>> create(std::shared_ptr<const Plan> plan,
                                                    const WeightSet& weights, StepSizes sizes,
                                                    const ExecutorOptions& options,
                                                    std::vector<std::unique_ptr<Domain>> domains);
    ~Executor();

    // Whether rows of this plan can refer to the ids of the step before.
    static bool can_run_ahead(const Plan& plan);

    Status enqueue(const Batch& batch);
    // The oldest step that is enqueued.
    Result<StepResults> wait();

    // Eager steps only from now on; empty: as before. NOT_FOUND and UNSUPPORTED leave all as it is.
    Status tap(const std::vector<std::string>& tags, Engine::Unformed unformed);
    std::vector<Engine::Tap> take_taps() { return std::exchange(taps_, {}); }
    // Eager steps only, each unit timed.
    void profile(bool on);
    std::vector<Engine::StepProfile> take_profiles() { return std::exchange(profiles_, {}); }
    bool observing() const { return !tapped_.empty() || timer_; }

    // Whether the host draws every row itself, since some class leaves sample/1 to it.
    bool host_samples() const { return host_samples_; }
    bool has_logits() const { return has_logits_; }
    uint32_t class_of(const Batch& batch) const;
    uint32_t vocab_rows() const;  // columns of the logits; 0: the graph forms none
    const ExecutorStats& stats() const { return stats_; }
    uint64_t kv_bytes() const { return context_.kv->bytes(); }
    uint64_t activation_bytes() const;
    const WeightStore& weights() const { return context_.weights; }

private:
    struct ClassState {
        std::unique_ptr<ActivationPlan> activations;
        std::unique_ptr<ClassRunner> runner;
        std::unique_ptr<BucketCache> buckets;
        uint32_t logits_memory = kNone, ids_memory = kNone;
    };
    struct InFlight {
        uint32_t class_index = 0, n_rows = 0, parity = 0;
        bool logits = false;
        uint64_t number = 0;
        Bucket bucket;
    };

    Executor() = default;
    Status allocate(const WeightSet& weights);
    Status allocate_arenas();
    Status compile_largest();
    Status find_outputs();
    Bucket bucket_of(const Batch& batch, uint32_t class_index) const;
    bool pays_to_capture(const BucketEntry& entry) const;
    Status run_units(ClassState& state, BucketEntry& entry, const Batch& batch);
    Status run_profiled(ClassState& state, BucketEntry& entry, const Batch& batch,
                        const TapRequest* taps);
    Status capture(ClassState& state, BucketEntry& entry);
    Status fetch(ClassState& state, const BucketEntry& entry, const Batch& batch, InFlight& step);
    Status fetch_logits(ClassState& state, const BucketEntry& entry, const Batch& batch);
    Status where(const Status& status, const InFlight& step) const;

    ExecContext context_;
    ExecutorOptions options_;
    std::vector<ClassState> classes_;
    bool has_logits_ = false, host_samples_ = false;
    // Pinned, by parity of the step: the ids, and the event after a whole step.
    std::vector<Buffer> ids_[2];  // [memories]
    std::vector<Event> done_[2];  // [memories]
    Buffer logits_;               // pinned, grown on demand
    const char* logits_at_ = nullptr;
    std::vector<int32_t*> host_ids_;  // [memories]
    std::vector<InFlight> in_flight_;
    uint64_t n_steps_ = 0;
    std::set<uint32_t> tapped_;
    Engine::Unformed unformed_ = Engine::Unformed::fail;
    std::vector<Engine::Tap> taps_;
    std::unique_ptr<StepTimer> timer_;  // while profiling
    std::vector<Engine::StepProfile> profiles_;
    ExecutorStats stats_;
};

}  // namespace afs
