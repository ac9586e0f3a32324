// The units of one step class, prepared: kernels with their state, tensors for each input and
// output. Programs are compiled for each bucket and handed in with it.
#pragma once
#include <memory>
#include <set>
#include <vector>

#include "engine/engine.hpp"
#include "engine/exec_context.hpp"
#include "engine/step_timer.hpp"

namespace afs {

// One compiled region for one bucket, bound to its addresses.
struct BoundProgram {
    std::vector<afs_tensor> values;  // [graph values]
    Buffer state;
    std::unique_ptr<GraphProgram> program;  // dies before what it is bound to
    uint32_t flags = 0;
};

// What one bucket keeps between steps.
struct BucketEntry {
    Bucket bucket;
    RecordLayout layout{Bucket{}};
    std::vector<afs_step> steps;         // [memories]
    std::vector<BoundProgram> programs;  // [units]; only those of programs are filled
    afs_capture* capture = nullptr;      // destroyed by the cache
    uint32_t eager_runs = 0;
    bool never_capture = false;
    uint64_t last_used = 0;
};

// Tensors that are copied out while a step runs.
struct TapRequest {
    std::set<uint32_t> values;
    Engine::Unformed unformed = Engine::Unformed::fail;
    uint32_t n_tokens = 0, n_rows = 0;  // without padding
    std::vector<Engine::Tap>* into = nullptr;
};

class ClassRunner {
public:
    static Result<std::unique_ptr<ClassRunner>> create(ExecContext& context, uint32_t class_index,
                                                       const ActivationPlan& activations);

    // Compiles and binds the programs of a new bucket.
    Status bind(BucketEntry& entry);
    // Enqueues every unit. taps may be NULL; with taps the stream is synchronised after each.
    // timer: NULL, or times each.
    Status run(BucketEntry& entry, const TapRequest* taps, StepTimer* timer);

    bool has_programs() const { return has_programs_; }
    // Whether the whole class may be captured with these programs.
    bool capturable(const BucketEntry& entry) const;
    const std::vector<uint32_t>& memories() const { return memories_; }  // that its units run in
    // Where the host finds a value after a step: memory and address; kNone: nowhere.
    uint32_t memory_of(uint32_t value) const;
    afs_tensor tensor(uint32_t memory, uint32_t value, const Bucket& bucket) const;
    // UNSUPPORTED: no unit forms it and no program may show it.
    Status can_tap(uint32_t value) const;

private:
    struct OpUnit {
        std::unique_ptr<Op> op;
        Buffer state;
        std::vector<afs_tensor> inputs;
        afs_tensor output{};
        const afs_kv* kv = nullptr;
    };
    ClassRunner(ExecContext& context, uint32_t class_index, const ActivationPlan& activations);

    Status run_unit(uint32_t unit, BucketEntry& entry, const TapRequest* taps);
    Status prepare_op(uint32_t unit);
    Status bind_program(BucketEntry& entry, uint32_t unit);
    Status run_op(uint32_t unit, BucketEntry& entry);
    Status run_copy(const Unit& unit, const BucketEntry& entry);
    Status run_tapped_program(uint32_t unit, BucketEntry& entry, const TapRequest& taps);
    Status take(uint32_t unit, const BucketEntry& entry, const TapRequest& taps);
    Status read_tap(uint32_t memory, afs_tensor tensor, uint32_t value, const TapRequest& taps);
    afs_tensor backend_tensor(uint32_t backend, uint32_t value, const Bucket& bucket) const;
    std::string unit_name(const Unit& unit) const;
    Domain& domain(const Unit& unit) const {
        return *context_.domains[unit_memory(*context_.plan, unit)];
    }

    ExecContext& context_;
    const ActivationPlan& activations_;
    const ClassPlan& plan_;
    uint32_t class_index_;
    std::vector<OpUnit> ops_;  // [units]; only those of ops are filled
    std::vector<uint32_t> memories_;
    bool has_programs_ = false, has_copies_ = false, ops_capture_safe_ = true;
};

}  // namespace afs
