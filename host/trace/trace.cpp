#include "trace/trace.hpp"

#include <algorithm>
#include <map>

namespace afs {
namespace {

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

StepShape shape_of(const Engine::StepProfile& profile) {
    return {profile.n_tokens, profile.n_rows, profile.context};
}

// One phase from steps of one class.
TracePhase phase_of(const Plan& plan, const WeightSet& weights,
                    const std::vector<const Engine::StepProfile*>& steps) {
    const Engine::StepProfile& first = *steps.front();
    const ClassPlan& units = plan.classes[first.class_index];
    TracePhase phase;
    phase.class_index = first.class_index;
    phase.n_tokens = first.n_tokens;
    phase.n_steps = static_cast<uint32_t>(steps.size());
    phase.first_context = first.context;
    phase.last_context = steps.back()->context;
    phase.device_clock = first.device_clock;
    for (const auto* step : steps) phase.unit_times.push_back(step->unit_seconds);
    std::map<std::vector<std::string>, TraceRow> rows;
    for (size_t u = 0; u < units.units.size(); ++u) {
        const Unit& unit = units.units[u];
        std::vector<double> times;
        double bytes = 0, flops = 0;
        for (const auto* step : steps) {
            if (step->unit_seconds[u] < 0) continue;
            times.push_back(step->unit_seconds[u]);
            const UnitCost cost = unit_cost(plan, weights, unit, shape_of(*step));
            bytes += static_cast<double>(cost.bytes());
            flops += cost.flops;
        }
        if (times.empty()) continue;
        const auto n = static_cast<double>(times.size());
        const std::string tags = unit_tags(plan, unit), op = unit_op(plan, unit),
                          place = unit_place(plan, unit);
        TraceRow& row = rows[{tags, op, place}];
        row.tags = tags, row.op = op, row.place = place;
        ++row.launches;
        ++phase.launches;
        row.seconds += median(times);
        row.bytes += bytes / n;
        row.flops += flops / n;
    }
    for (auto& [key, row] : rows) {
        phase.unit_seconds += row.seconds;
        phase.rows.push_back(std::move(row));
    }
    std::stable_sort(phase.rows.begin(), phase.rows.end(),
                     [](const TraceRow& a, const TraceRow& b) { return a.seconds > b.seconds; });
    return phase;
}

}  // namespace

double read_ceiling(const Plan& plan, double host) {
    const std::shared_ptr<Device>& device = plan.memories.front().device;
    if (!device) return host;
    const auto measured = device->read_ceiling();
    return measured ? *measured : 0;
}

Result<Trace> run_trace(Engine& engine, const Plan& plan, const WeightSet& weights,
                        const Workload& workload, double ceiling,
                        const std::function<bool()>& stop) {
    AFS_TRY(run_workload(engine, workload, stop).status());
    AFS_ASSIGN(const WorkloadTimes whole, run_workload(engine, workload, stop));
    engine.profile(true);
    Workload prompt_alone = workload;
    prompt_alone.new_tokens = 0;
    Status ran = run_workload(engine, prompt_alone, stop).status();
    if (ran.ok()) ran = run_workload(engine, prompt_alone, stop).status();
    const auto last = ran.ok() ? run_workload(engine, workload, stop) : Result<WorkloadTimes>(ran);
    engine.profile(false);
    AFS_TRY(last.status());
    const std::vector<Engine::StepProfile> profiles = engine.take_profiles();
    const size_t n_decode = last->n_steps();  // fewer than asked for where the context ends
    std::vector<const Engine::StepProfile*> prompt, decode;
    for (size_t i = 0; i < profiles.size(); ++i)
        (i + n_decode < profiles.size() ? prompt : decode).push_back(&profiles[i]);
    Trace trace;
    trace.ceiling = ceiling;
    if (!decode.empty()) {
        trace.phases.push_back(phase_of(plan, weights, decode));
        trace.phases.back().name = "decode";
        trace.phases.back().step_seconds = median(whole.step_seconds);
    }
    // Chunks of a long prompt differ in size: the table is of the largest kind.
    std::vector<const Engine::StepProfile*> alike;
    for (const auto* step : prompt)
        if (step->n_tokens == prompt.front()->n_tokens &&
            step->class_index == prompt.front()->class_index)
            alike.push_back(step);
    if (!alike.empty()) {
        trace.phases.push_back(phase_of(plan, weights, alike));
        trace.phases.back().name = "prompt";
        if (prompt.size() == 3) trace.phases.back().step_seconds = whole.prompt_seconds;
    }
    return trace;
}

}  // namespace afs
