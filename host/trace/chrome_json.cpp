#include <nlohmann/json.hpp>
#include <vector>

#include "engine/activations.hpp"
#include "trace/trace.hpp"

namespace afs {
namespace {

using Json = nlohmann::ordered_json;

Json named(const char* what, uint32_t process, uint32_t track, const std::string& name) {
    return {
        {"name", what}, {"ph", "M"}, {"pid", process}, {"tid", track}, {"args", {{"name", name}}}};
}

// Units follow each other without gaps: what was timed is each unit, not the space between them.
void add_phase(const TracePhase& phase, const Plan& plan, uint32_t process, Json& events) {
    const ClassPlan& units = plan.classes[phase.class_index];
    double at = 0;  // microseconds
    for (size_t step = 0; step < phase.unit_times.size(); ++step) {
        const double start = at;
        for (size_t u = 0; u < units.units.size(); ++u) {
            const double seconds = phase.unit_times[step][u];
            if (seconds < 0) continue;
            const Unit& unit = units.units[u];
            const uint32_t value =
                unit.nodes.empty() ? unit.inputs[0] : plan.abi->nodes[unit.nodes[0]]->output;
            events.push_back({{"name", plan.abi->values[value]->tag},
                              {"cat", unit_op(plan, unit)},
                              {"ph", "X"},
                              {"pid", process},
                              {"tid", unit_memory(plan, unit) + 1},
                              {"ts", at},
                              {"dur", seconds * 1e6},
                              {"args",
                               {{"op", unit_op(plan, unit)},
                                {"on", unit_place(plan, unit)},
                                {"nodes", unit.nodes.size()}}}});
            at += seconds * 1e6;
        }
        events.push_back({{"name", phase.name + " step " + std::to_string(step)},
                          {"cat", "step"},
                          {"ph", "X"},
                          {"pid", process},
                          {"tid", 0},
                          {"ts", start},
                          {"dur", at - start}});
    }
}

}  // namespace

std::string chrome_json(const Trace& trace, const Plan& plan) {
    Json events = Json::array();
    for (uint32_t p = 0; p < trace.phases.size(); ++p) {
        events.push_back(named("process_name", p, 0, trace.phases[p].name));
        events.push_back(named("thread_name", p, 0, "steps"));
        for (uint32_t m = 0; m < plan.memories.size(); ++m)
            events.push_back(named("thread_name", p, m + 1, plan.memories[m].domain));
        add_phase(trace.phases[p], plan, p, events);
    }
    const Json json = {{"displayTimeUnit", "ns"},
                       {"otherData", {{"plan", plan.id}}},
                       {"traceEvents", std::move(events)}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace afs
