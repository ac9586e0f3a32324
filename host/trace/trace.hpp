// Where the time of a model's steps goes: each unit timed, summed over layers, with the bytes that
// it moves and their share of what the memory can deliver.
#pragma once
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "trace/unit_cost.hpp"
#include "trace/workload.hpp"

namespace afs {

// The units of one kind in one step: the same tag in all layers, on the same backend.
struct TraceRow {
    std::string tags, op, place;
    uint32_t launches = 0;
    double seconds = 0;  // of a step
    double bytes = 0, flops = 0;
};

// The steps of one class and size.
struct TracePhase {
    std::string name;  // "decode", "prompt"
    uint32_t class_index = 0, n_tokens = 0, n_steps = 0;
    uint64_t first_context = 0, last_context = 0;
    double step_seconds = 0;  // as it runs, captured where it is; 0: not known
    double unit_seconds = 0;  // sum of the units, timed one by one
    uint32_t launches = 0;
    bool device_clock = false;
    std::vector<TraceRow> rows;                   // longest first
    std::vector<std::vector<double>> unit_times;  // [steps][units of the class], seconds
};

struct Trace {
    std::vector<TracePhase> phases;
    double ceiling = 0;  // bytes a second; 0: unknown
};

// Runs the workload twice as it is (warm, then timed whole), then with every unit timed, the prompt
// three times.
Result<Trace> run_trace(Engine& engine, const Plan& plan, const WeightSet& weights,
                        const Workload& workload, double ceiling,
                        const std::function<bool()>& stop);

// Bytes a second that the plan's first memory can read: the device's own measurement, or `host`.
double read_ceiling(const Plan& plan, double host);

// Tables of at most 100 columns, `most` rows a phase.
std::string trace_text(const Trace& trace, size_t most);
// In Chrome's trace event format, which Perfetto reads too: one track a memory.
std::string chrome_json(const Trace& trace, const Plan& plan);

}  // namespace afs
