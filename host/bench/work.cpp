#include "bench/work.hpp"

#include <cstring>
#include <set>

#include "afs/graph/resolved_graph.hpp"
#include "afs/numeric.hpp"
#include "afs/weights/weight_set.hpp"

namespace afs {

uint64_t weight_bytes_per_step(const Plan& plan, const WeightSet& weights) {
    const afs_graph& graph = plan.graph->graph();
    std::set<uint32_t> read;
    for (uint32_t n = 0; n < graph.n_nodes; ++n) {
        const afs_node& node = *graph.nodes[n];
        if (std::strcmp(node.op, "embed/1") == 0) continue;
        read.insert(node.inputs, node.inputs + node.n_inputs);
    }
    uint64_t bytes = 0;
    for (const uint32_t value : read)
        if (const Weight* weight = weights.of_value(value)) bytes += weight->bytes;
    return bytes;
}

uint64_t kv_bytes_at(const Plan& plan, uint64_t n_tokens) {
    const afs_graph& graph = plan.graph->graph();
    uint64_t bytes = 0;
    for (uint32_t g = 0; g < graph.n_kv_groups; ++g) {
        const afs_kv_group& group = *graph.kv_groups[g];
        bytes += n_tokens * 2 * group.n_layers * group.n_kv_heads * group.head_dim *
                 dtype_size(plan.kv_layouts[g].dtype);
    }
    return bytes;
}

double prompt_flops(const Plan& plan, uint64_t n_tokens) {
    const afs_graph& graph = plan.graph->graph();
    const auto n = static_cast<double>(n_tokens);
    double flops = 0;
    for (uint32_t i = 0; i < graph.n_nodes; ++i) {
        const afs_node& node = *graph.nodes[i];
        if (std::strcmp(node.op, "linear/1") == 0) {
            const afs_value& weight = *graph.values[node.inputs[1]];
            const bool per_row = graph.values[node.output]->dims[0] == AFS_DIM_ROWS;
            flops += 2.0 * static_cast<double>(weight.dims[0]) *
                     static_cast<double>(weight.dims[1]) * (per_row ? 1.0 : n);
        } else if (std::strcmp(node.op, "attention/1") == 0) {
            const auto p = read<afs_attention_params>(node.params);
            flops += 2.0 * p.n_heads * p.head_dim * n * n;
        }
    }
    return flops;
}

}  // namespace afs
