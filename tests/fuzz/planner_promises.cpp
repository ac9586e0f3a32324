#include "planner_promises.hpp"

#include <set>

#include "afs/graph/resolved_graph.hpp"
#include "require.hpp"

namespace afs::fuzz {
namespace {

bool is_weight(const afs_graph& graph, uint32_t value) {
    return graph.values[value]->kind == AFS_VALUE_WEIGHT;
}

bool is_sample(const afs_graph& graph, uint32_t node) {
    return std::string(graph.nodes[node]->op) == "sample/1";
}

// Each node runs once, behind what it reads, in the memory where that lies or was copied to.
class Replay {
public:
    Replay(const Plan& plan, const ClassPlan& c) : plan_(plan), class_(c), graph_(*plan.abi) {}

    void run() {
        for (const Unit& unit : class_.units)
            unit.kind == UnitKind::copy ? copy(unit) : launch(unit);
        for (uint32_t n = 0; n < graph_.n_nodes; ++n) {
            const bool on_host = class_.placements[n].backend == kHostOwned;
            require(!on_host || (is_sample(graph_, n) && class_.host_samples),
                    "a node without a backend");
            require(on_host != (done_.count(n) == 1), "a node that does not run once");
        }
    }

private:
    void copy(const Unit& unit) {
        require(unit.from < plan_.memories.size() && unit.to < plan_.memories.size() &&
                    unit.from != unit.to && unit.inputs.size() == 1,
                "a copy from or to nowhere");
        require(there_.count({unit.inputs[0], unit.from}) == 1, "a copy of what is not there");
        require(graph_.values[unit.inputs[0]]->kind == AFS_VALUE_ACT, "a copy of a cache");
        there_.insert({unit.inputs[0], unit.to});
    }
    void launch(const Unit& unit) {
        require(unit.backend < plan_.backends.size(), "a unit without a backend");
        require(!unit.nodes.empty() && (unit.kind == UnitKind::program || unit.nodes.size() == 1),
                "a unit of the wrong size");
        const uint32_t here = plan_.memory_of_backend[unit.backend];
        for (const uint32_t n : unit.nodes) {
            const Placement& placement = class_.placements[n];
            require(placement.backend == unit.backend, "a unit on another backend than its node");
            require(placement.claimed == (unit.kind == UnitKind::program), "claimed, or not");
            require(!placement.why.empty(), "a placement without a reason");
            require(done_.insert(n).second, "a node that runs twice");
            for (uint32_t i = 0; i < graph_.nodes[n]->n_inputs; ++i) {
                const uint32_t input = graph_.nodes[n]->inputs[i];
                require(is_weight(graph_, input) || there_.count({input, here}) == 1,
                        "an input that is not there yet");
            }
            there_.insert({graph_.nodes[n]->output, here});
        }
    }

    const Plan& plan_;
    const ClassPlan& class_;
    const afs_graph& graph_;
    std::set<std::pair<uint32_t, uint32_t>> there_;  // value, memory
    std::set<uint32_t> done_;                        // nodes
};

void check_caches(const Plan& plan) {
    const afs_graph& graph = *plan.abi;
    require(plan.kv_layouts.size() == graph.n_kv_groups, "a group without a layout");
    for (uint32_t g = 0; g < graph.n_kv_groups; ++g) {
        const afs_kv_layout& layout = plan.kv_layouts[g];
        require(layout.block_size > 0 && layout.head_dim == graph.kv_groups[g]->head_dim &&
                    layout.n_kv_heads == graph.kv_groups[g]->n_kv_heads,
                "a layout that does not fit its group");
        const int64_t slots = layout.block_size, heads = layout.n_kv_heads, dim = layout.head_dim;
        for (const int64_t* s : {layout.k_stride, layout.v_stride}) {
            const int64_t last = s[1] * (heads - 1) + s[2] * (slots - 1) + s[3] * (dim - 1);
            require(last >= 0 && last < layout.block_elems, "a layout that leaves its block");
        }
    }
}

void check_weights(const Plan& plan) {
    std::set<std::pair<uint32_t, uint32_t>> stored;  // value, backend
    for (const WeightUse& use : plan.weights)
        require(stored.insert({use.value, use.backend}).second, "a weight stored twice");
    const afs_graph& graph = *plan.abi;
    for (const ClassPlan& c : plan.classes)
        for (uint32_t n = 0; n < graph.n_nodes; ++n)
            for (uint32_t i = 0; i < graph.nodes[n]->n_inputs; ++i) {
                const uint32_t value = graph.nodes[n]->inputs[i];
                if (!is_weight(graph, value) || c.placements[n].backend == kHostOwned) continue;
                require(stored.count({value, c.placements[n].backend}) == 1,
                        "a weight that nobody stores");
            }
}

void check_pins(const Plan& plan, const PlanRequest& request, const ClassPlan& c) {
    const afs_graph& graph = *plan.abi;
    for (const Pin& pin : request.pins)
        for (uint32_t n = 0; n < graph.n_nodes; ++n)  // a whole tag goes before all others
            if (pin.pattern == graph.values[graph.nodes[n]->output]->tag)
                require(c.placements[n].backend != kHostOwned &&
                            plan.backends[c.placements[n].backend].name == pin.backend,
                        "a pin that is not kept");
}

}  // namespace

void check_promises(const Plan& plan, const PlanRequest& request) {
    require(plan.id.size() == 16, "a plan without an id");
    require(plan.classes.size() == 2 || (plan.classes.size() == 1 && request.deterministic),
            "a plan with another number of classes");
    for (const ClassPlan& c : plan.classes) {
        Replay(plan, c).run();
        check_pins(plan, request, c);
    }
    require(plan.class_for(true).n_copies <= request.allow_copies, "more copies than allowed");
    check_caches(plan);
    check_weights(plan);
}

}  // namespace afs::fuzz
