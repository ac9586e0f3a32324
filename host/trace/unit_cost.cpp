#include "trace/unit_cost.hpp"

#include <cctype>
#include <cstring>
#include <set>

#include "afs/numeric.hpp"
#include "engine/activations.hpp"

namespace afs {
namespace {

uint64_t weight_bytes(const Plan& plan, const WeightSet& weights, uint32_t backend, uint32_t value,
                      bool gathered, uint64_t n_tokens) {
    const Weight* weight = weights.of_value(value);
    if (!weight) return 0;
    uint64_t bytes = weight->bytes;
    for (const WeightUse& use : plan.weights)
        if (use.value == value && use.backend == backend && use.packing.bytes)
            bytes = use.packing.bytes;
    const uint64_t rows = static_cast<uint64_t>(weight->dims[0]);
    return gathered && rows ? bytes / rows * n_tokens : bytes;
}

uint64_t kv_row_bytes(const Plan& plan, const afs_value& value) {
    const afs_kv_layout& layout = plan.kv_layouts[static_cast<size_t>(value.kv_group)];
    return uint64_t{2} * layout.n_kv_heads * layout.head_dim * dtype_size(layout.dtype);
}

uint64_t elements(const afs_value& value, const StepShape& step) {
    const afs_tensor tensor = value_tensor(value, step.n_tokens, step.n_rows);
    uint64_t n = 1;
    for (const int64_t extent : tensor.dims) n *= static_cast<uint64_t>(extent);
    return n;
}

void add_node(const Plan& plan, const WeightSet& weights, const Unit& unit, uint32_t index,
              const StepShape& step, const std::set<uint32_t>& outside, std::set<uint32_t>& counted,
              UnitCost& cost) {
    const afs_graph& graph = *plan.abi;
    const afs_node& node = *graph.nodes[index];
    const bool gathers = std::strcmp(node.op, "embed/1") == 0;
    const auto activation = [&](uint32_t v) {
        if (graph.values[v]->kind != AFS_VALUE_ACT || !outside.count(v)) return;
        if (!counted.insert(v).second) return;
        cost.activation_bytes +=
            elements(*graph.values[v], step) * dtype_size(graph.values[v]->dtype);
    };
    for (uint32_t i = 0; i < node.n_inputs; ++i) {
        const afs_value& value = *graph.values[node.inputs[i]];
        activation(node.inputs[i]);
        if (value.kind == AFS_VALUE_WEIGHT && counted.insert(node.inputs[i]).second)
            cost.weight_bytes +=
                weight_bytes(plan, weights, unit.backend, node.inputs[i], gathers, step.n_tokens);
        if (value.kind == AFS_VALUE_KV) cost.kv_bytes += step.context * kv_row_bytes(plan, value);
    }
    const afs_value& made = *graph.values[node.output];
    activation(node.output);
    if (made.kind == AFS_VALUE_KV) cost.kv_bytes += step.n_tokens * kv_row_bytes(plan, made);
    if (std::strcmp(node.op, "linear/1") == 0)
        cost.flops += 2.0 * static_cast<double>(elements(made, step)) *
                      static_cast<double>(graph.values[node.inputs[1]]->dims[1]);
}

std::string tag_of(const Plan& plan, uint32_t node) {
    return plan.abi->values[plan.abi->nodes[node]->output]->tag;
}

}  // namespace

UnitCost unit_cost(const Plan& plan, const WeightSet& weights, const Unit& unit,
                   const StepShape& step) {
    UnitCost cost;
    std::set<uint32_t> outside, counted;
    for (const uint32_t v : unit_inputs(*plan.abi, unit)) outside.insert(v);
    for (const uint32_t v : unit_outputs(*plan.abi, unit)) outside.insert(v);
    if (unit.kind == UnitKind::copy) {
        const afs_value& value = *plan.abi->values[unit.inputs[0]];
        cost.activation_bytes = 2 * elements(value, step) * dtype_size(value.dtype);
    }
    for (const uint32_t node : unit.nodes)
        add_node(plan, weights, unit, node, step, outside, counted, cost);
    return cost;
}

std::string tag_of_all_layers(const std::string& tag) {
    size_t end = 1;
    while (end < tag.size() && std::isdigit(static_cast<unsigned char>(tag[end]))) ++end;
    const bool layered = tag[0] == 'L' && end > 1 && end < tag.size() && tag[end] == '.';
    return layered ? "L*" + tag.substr(end) : tag;
}

std::string unit_tags(const Plan& plan, const Unit& unit) {
    if (unit.kind == UnitKind::copy)
        return std::string("copy of ") + tag_of_all_layers(plan.abi->values[unit.inputs[0]]->tag);
    std::string first = tag_of_all_layers(tag_of(plan, unit.nodes.front()));
    if (unit.kind == UnitKind::op) return first;
    return first + " .. " + tag_of_all_layers(tag_of(plan, unit.nodes.back())) + ", " +
           std::to_string(unit.nodes.size()) + " nodes";
}

std::string unit_op(const Plan& plan, const Unit& unit) {
    if (unit.kind == UnitKind::op) return plan.abi->nodes[unit.nodes[0]]->op;
    return unit.kind == UnitKind::copy ? "copy" : "program";
}

std::string unit_place(const Plan& plan, const Unit& unit) {
    if (unit.kind != UnitKind::copy) return plan.backends[unit.backend].name;
    return plan.memories[unit.from].domain + " -> " + plan.memories[unit.to].domain;
}

}  // namespace afs
