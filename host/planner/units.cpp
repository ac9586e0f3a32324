// From a placed class to its launches: one unit a set or op, in an order that the sets allow, with
// the copies between memories that the placement needs.
#include <algorithm>
#include <queue>
#include <set>
#include <string>

#include "planner/context.hpp"

namespace afs {
namespace {

class Orderer {
public:
    Orderer(const PlanContext& context, const Draft& draft) : context_(context), draft_(draft) {
        unit_of_node_.assign(context.nodes.size(), kNobody);
        std::vector<uint32_t> unit_of_set(draft.sets.size(), kNobody);
        for (uint32_t n = 0; n < context.nodes.size(); ++n) {
            if (draft.placements[n].backend == kNobody) continue;
            const uint32_t set = draft.set_of_node[n];
            uint32_t unit = set == kNobody ? kNobody : unit_of_set[set];
            if (unit == kNobody) {
                unit = static_cast<uint32_t>(groups_.size());
                groups_.emplace_back();
                if (set != kNobody) unit_of_set[set] = unit;
            }
            groups_[unit].push_back(n);
            unit_of_node_[n] = unit;
        }
        next_.resize(groups_.size());
        for (uint32_t n = 0; n < context.nodes.size(); ++n)
            for (uint32_t input : context.nodes[n].inputs)
                if (const uint32_t maker = context.producer[input]; maker != kNobody)
                    if (unit_of_node_[maker] != unit_of_node_[n] &&
                        unit_of_node_[maker] != kNobody && unit_of_node_[n] != kNobody)
                        next_[unit_of_node_[maker]].insert(unit_of_node_[n]);
    }

    // Topological, ties by the graph's order. A cycle means that a path leaves a set and returns.
    Result<std::vector<std::vector<uint32_t>>> ordered() const {
        std::vector<uint32_t> waiting(groups_.size(), 0);
        for (const auto& successors : next_)
            for (uint32_t s : successors) ++waiting[s];
        std::priority_queue<std::pair<uint32_t, uint32_t>,
                            std::vector<std::pair<uint32_t, uint32_t>>, std::greater<>>
            ready;  // first node, unit
        for (uint32_t u = 0; u < groups_.size(); ++u)
            if (waiting[u] == 0) ready.emplace(groups_[u][0], u);
        std::vector<std::vector<uint32_t>> order;
        while (!ready.empty()) {
            const uint32_t unit = ready.top().second;
            ready.pop();
            order.push_back(groups_[unit]);
            for (uint32_t s : next_[unit])
                if (--waiting[s] == 0) ready.emplace(groups_[s][0], s);
        }
        if (order.size() == groups_.size()) return order;
        return cycle();
    }

private:
    // A shortest way from a unit back to itself; empty: none.
    std::vector<uint32_t> way_back(uint32_t start) const {
        std::vector<uint32_t> before(groups_.size(), kNobody);
        std::queue<uint32_t> open;
        open.push(start);
        while (!open.empty()) {
            const uint32_t unit = open.front();
            open.pop();
            for (uint32_t s : next_[unit]) {
                if (s == start) {
                    std::vector<uint32_t> path;
                    for (uint32_t at = unit; at != start; at = before[at]) path.push_back(at);
                    std::reverse(path.begin(), path.end());
                    return path;
                }
                if (before[s] != kNobody) continue;
                before[s] = unit;
                open.push(s);
            }
        }
        return {};
    }
    Status cycle() const {
        for (uint32_t u = 0; u < groups_.size(); ++u) {
            if (groups_[u].size() < 2) continue;
            const std::vector<uint32_t> path = way_back(u);
            if (path.empty()) continue;
            const auto& nodes = groups_[u];
            std::string way;
            for (uint32_t unit : path)
                way += (way.empty() ? "" : " -> ") + context_.nodes[groups_[unit][0]].tag;
            return invalid(
                "cannot use a set of '" +
                context_.backends[draft_.placements[nodes[0]].backend].name + "' (" +
                class_name(draft_.limits.step_class) + ", " + std::to_string(nodes.size()) +
                " nodes, " + context_.nodes[nodes[0]].tag + " .. " +
                context_.nodes[nodes.back()].tag + "): a path leaves it and comes back through " +
                way + "; a set must be closed under such paths");
        }
        return Status(Code::internal, "the graph has a cycle without a set");
    }

    const PlanContext& context_;
    const Draft& draft_;
    std::vector<std::vector<uint32_t>> groups_;  // [units]; nodes, ascending
    std::vector<uint32_t> unit_of_node_;
    std::vector<std::set<uint32_t>> next_;
};

class UnitMaker {
public:
    UnitMaker(const PlanContext& context, const Draft& draft) : context_(context), draft_(draft) {
        readers_.resize(context.values.size());
        for (uint32_t n = 0; n < context.nodes.size(); ++n)
            for (uint32_t input : context.nodes[n].inputs) readers_[input].push_back(n);
        is_output_.assign(context.values.size(), false);
        const afs_graph graph = read<afs_graph>(context.graph);
        for (uint32_t i = 0; i < graph.n_outputs; ++i) is_output_[graph.outputs[i]] = true;
    }

    Status add(const std::vector<uint32_t>& nodes, ClassPlan& plan) {
        Unit unit;
        unit.nodes = nodes;
        unit.backend = draft_.placements[nodes[0]].backend;
        const uint32_t set = draft_.set_of_node[nodes[0]];
        if (set == kNobody) {
            unit.kind = UnitKind::op;
            unit.verdict = draft_.verdicts[nodes[0]];
        } else {
            unit.kind = UnitKind::program;
            unit.set = draft_.sets[set].number;
            unit.set_kind = draft_.sets[set].kind;
        }
        const std::set<uint32_t> inside(nodes.begin(), nodes.end());
        std::set<uint32_t> inputs;
        unit.per_row = true;
        for (uint32_t n : nodes) {
            for (uint32_t input : context_.nodes[n].inputs) {
                const uint32_t maker = context_.producer[input];
                if (maker == kNobody || !inside.count(maker)) inputs.insert(input);
            }
            if (seen_outside(context_.nodes[n].output, inside)) {
                unit.outputs.push_back(context_.nodes[n].output);
                unit.per_row &= has_rows(context_.nodes[n].output);
            }
        }
        // A set whose cache writes are all it leaves still has to run in a step without rows.
        if (unit.outputs.empty()) unit.per_row = false;
        for (uint32_t n : nodes)
            if (context_.values[context_.nodes[n].output].kind == AFS_VALUE_KV)
                unit.per_row = false;
        unit.inputs.assign(inputs.begin(), inputs.end());
        AFS_TRY(bring(unit, plan));
        plan.units.push_back(std::move(unit));
        return {};
    }

private:
    bool has_rows(uint32_t value) const {
        return context_.values[value].rank > 0 && context_.values[value].dims[0] == AFS_DIM_ROWS;
    }
    bool seen_outside(uint32_t value, const std::set<uint32_t>& inside) const {
        if (is_output_[value]) return true;
        for (uint32_t reader : readers_[value])
            if (!inside.count(reader)) return true;
        return inside.size() == 1;
    }
    // Copies what the unit reads and its memory has not; each value once a memory.
    Status bring(const Unit& unit, ClassPlan& plan) {
        const uint32_t here = context_.memory_of_backend[unit.backend];
        for (uint32_t value : unit.inputs) {
            const uint32_t maker = context_.producer[value];
            if (maker == kNobody || draft_.placements[maker].backend == kNobody)
                continue;  // a weight is stored where it is read; ids of the host are a step input
            const uint32_t home = context_.memory_of_backend[draft_.placements[maker].backend];
            if (home == here) continue;
            if (context_.values[value].kind == AFS_VALUE_KV)
                return unsupported("cannot read the cache '" + context_.tag_of_value(value) +
                                   "' by '" + context_.backends[unit.backend].name + "' in " +
                                   context_.memories[here].domain + ": '" +
                                   context_.backends[draft_.placements[maker].backend].name +
                                   "' keeps it in " + context_.memories[home].domain +
                                   "; place kv_append/1 and attention/1 in one memory");
            if (!copied_.insert({value, here}).second) continue;
            Unit copy;
            copy.kind = UnitKind::copy;
            copy.inputs = {value};
            copy.outputs = {value};
            copy.from = home;
            copy.to = here;
            copy.per_row = has_rows(value);
            plan.units.push_back(std::move(copy));
            ++plan.n_copies;
        }
        return {};
    }

    const PlanContext& context_;
    const Draft& draft_;
    std::vector<std::vector<uint32_t>> readers_;  // [values]
    std::vector<bool> is_output_;                 // [values]
    std::set<std::pair<uint32_t, uint32_t>> copied_;
};

Status too_many_copies(const PlanContext& context, const ClassPlan& plan) {
    std::string list;
    uint32_t shown = 0;
    for (const Unit& unit : plan.units) {
        if (unit.kind != UnitKind::copy) continue;
        if (++shown > 8) continue;
        list += (list.empty() ? "" : ", ") + context.tag_of_value(unit.inputs[0]) + " (" +
                shape_text(context.values[unit.inputs[0]]) + ", " +
                context.memories[unit.from].domain + " to " + context.memories[unit.to].domain +
                ")";
    }
    if (shown > 8) list += " and " + std::to_string(shown - 8) + " more";
    return unsupported("cannot accept " + std::to_string(plan.n_copies) +
                       " copies between memories in every decode step, " +
                       std::to_string(context.request->allow_copies) + " are allowed: " + list +
                       "; place these nodes in one memory, or raise allow_copies");
}

}  // namespace

Result<ClassPlan> make_units(const PlanContext& context, const Draft& draft, bool counts_copies) {
    ClassPlan plan;
    plan.limits = draft.limits;
    plan.placements = draft.placements;
    for (uint32_t n = 0; n < context.nodes.size(); ++n)
        if (context.nodes[n].is_sample() && draft.placements[n].backend == kNobody)
            plan.host_samples = true;
    AFS_ASSIGN(const auto order, Orderer(context, draft).ordered());
    UnitMaker maker(context, draft);
    for (const auto& nodes : order) AFS_TRY(maker.add(nodes, plan));
    if (counts_copies && plan.n_copies > context.request->allow_copies)
        return too_many_copies(context, plan);
    return plan;
}

}  // namespace afs
