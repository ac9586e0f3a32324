#include "afs/graph/resolved_graph.hpp"

#include "afs/graph/validate.hpp"
#include "op_rules.hpp"

namespace afs {

Result<std::shared_ptr<const ResolvedGraph>> ResolvedGraph::resolve(
    const afs_graph& foreign, const std::vector<int32_t>& weight_dtypes) {
    AFS_TRY(validate(foreign));
    const afs_graph graph = read<afs_graph>(&foreign);
    if (weight_dtypes.size() != graph.n_weights)
        return invalid("cannot resolve graph: " + std::to_string(weight_dtypes.size()) +
                       " dtypes for " + std::to_string(graph.n_weights) + " weights");

    std::shared_ptr<ResolvedGraph> out(new ResolvedGraph);
    GraphBuilder& builder = out->builder_;
    out->weight_line_.assign(graph.n_values, kNone);
    out->writer_.assign(graph.n_values, kNone);
    out->readers_.resize(graph.n_values);
    for (uint32_t i = 0; i < graph.n_weights; ++i) {
        const auto weight = read<afs_weight>(graph.weights[i]);
        out->weight_line_[weight.value] = i;
        builder.append_weight(weight);
    }
    for (uint32_t i = 0; i < graph.n_kv_groups; ++i)
        builder.append_kv_group(read<afs_kv_group>(graph.kv_groups[i]));
    for (uint32_t i = 0; i < graph.n_values; ++i) {
        auto value = read<afs_value>(graph.values[i]);
        if (value.kind == AFS_VALUE_WEIGHT) {
            const int32_t dtype = weight_dtypes[out->weight_line_[i]];
            const bool stated = value.dtype != AFS_DTYPE_NONE;
            if (!stores_weight(value, dtype) || (stated && value.dtype != dtype))
                return invalid("cannot resolve graph: weight '" + std::string(value.tag) +
                               "' has dtype " + std::to_string(dtype) + ", expected " +
                               (stated ? std::to_string(value.dtype)
                                       : "a float type or a block format whose whole blocks the "
                                         "rows of " +
                                             describe(value) + " are"));
            value.dtype = dtype;
        }
        out->by_tag_.emplace(value.tag, i);
        builder.append_value(value);
    }
    for (uint32_t i = 0; i < graph.n_nodes; ++i) {
        auto node = read<afs_node>(graph.nodes[i]);
        const OpRule& rule = *find_rule(node.op);
        node.params = rule.params.keep ? rule.params.keep(builder, node.params) : nullptr;
        builder.append_node(node);
        out->writer_[node.output] = i;
        for (uint32_t k = 0; k < node.n_inputs; ++k) {
            std::vector<uint32_t>& readers = out->readers_[node.inputs[k]];
            if (readers.empty() || readers.back() != i) readers.push_back(i);
        }
    }
    for (uint32_t i = 0; i < graph.n_outputs; ++i) builder.output(graph.outputs[i]);
    if (graph.ignored_tensors) builder.ignore_tensors(graph.ignored_tensors);
    AFS_ASSIGN(out->graph_, builder.finish());
    return std::shared_ptr<const ResolvedGraph>(std::move(out));
}

uint32_t ResolvedGraph::find(const std::string& tag) const {
    const auto it = by_tag_.find(tag);
    return it == by_tag_.end() ? kNone : it->second;
}

}  // namespace afs
