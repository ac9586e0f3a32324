// Runs one op of any kernel backend on host arrays: asks, prepares, packs the weights as the
// backend wants them, moves the data into the backend's memory, runs, and moves back what was
// written.
//
//   Outcome o = run(backend, c);            // or run(backend, c, &device) for another memory
//   o.status, o.verdict, o.output, o.kv; o.clean says that inputs and guard zones are untouched
#pragma once
#include <functional>

#include "conformance/run/domain_memory.hpp"
#include "conformance/run/one_node.hpp"

namespace afs::conformance {

struct Outcome {
    Status status;           // of query, prepare, pack or run
    const char* stage = "";  // where it came from
    bool refused = false;    // the query said no: status has its reason
    afs_verdict verdict{};
    Array output;
    std::optional<Cache> kv;
    std::vector<int32_t> host_ids;
    bool clean = true;    // inputs as they were, guards intact
    std::string touched;  // what is not: "wrote past the end of the output, 2 bytes behind it"
};

// A case made ready on a backend: its op prepared, its data in the backend's memory.
class PreparedCase {
public:
    // device NULL: host memory. slack: the limits are larger than the step.
    PreparedCase(KernelBackend& backend, const OpCase& c, Device* device = nullptr,
                 afs_stream stream = nullptr, bool slack = false);
    PreparedCase(const PreparedCase&) = delete;

    const Status& status() const { return out_.status; }  // not OK: nothing may be run
    const afs_verdict& verdict() const { return out_.verdict; }
    Status enqueue() { return op_->run(run_); }
    Status enqueue(const afs_run& record) { return op_->run(record); }
    // Outputs, caches and workspace as before any run.
    void restore();
    // Waits, then reads back everything.
    Outcome take();
    // Runs once and takes.
    Outcome run();
    Device* device() const { return device_; }
    afs_stream stream() const { return memory_.stream(); }
    afs_run& record() { return run_; }
    const OneNode& node() const { return node_; }
    // What is being done, for whoever reports a crash.
    static std::function<void(const char*)> on_stage;

private:
    Status ask(KernelBackend& backend);
    Status place(KernelBackend& backend);
    void stage(const char* name);
    void look(const Array& before, const void* at, const std::string& what, Array* now);
    void blame(const std::string& what);

    const OpCase& case_;
    Device* device_;
    DomainMemory memory_;
    OneNode node_;
    Outcome out_;
    std::unique_ptr<Op> op_;
    std::vector<void*> inputs_at_;
    std::vector<afs_tensor> views_;
    void *output_at_ = nullptr, *k_at_ = nullptr, *v_at_ = nullptr;
    uint8_t *workspace_ = nullptr, *state_ = nullptr;
    int32_t* host_ids_ = nullptr;
    afs_tensor output_{};
    afs_kv kv_{};
    afs_step step_{};
    afs_run run_{};
};

Outcome run(KernelBackend& backend, const OpCase& c, Device* device = nullptr,
            afs_stream stream = nullptr);

}  // namespace afs::conformance
