// How each backend stores the weights that its nodes read: one packing for all classes.
#include <map>
#include <string>
#include <utility>

#include "planner/context.hpp"

namespace afs {

Status plan_weights(Plan& plan) {
    const afs_graph graph = read<afs_graph>(plan.abi);
    std::map<std::pair<uint32_t, uint32_t>, std::vector<uint32_t>> nodes_of;  // value, backend
    for (uint32_t n = 0; n < graph.n_nodes; ++n) {
        const afs_node node = read<afs_node>(graph.nodes[n]);
        for (uint32_t i = 0; i < node.n_inputs; ++i) {
            if (read<afs_value>(graph.values[node.inputs[i]]).kind != AFS_VALUE_WEIGHT) continue;
            for (const ClassPlan& c : plan.classes) {
                const uint32_t backend = c.placements[n].backend;
                if (backend == kHostOwned) continue;
                auto& nodes = nodes_of[{node.inputs[i], backend}];
                if (nodes.empty() || nodes.back() != n) nodes.push_back(n);
            }
        }
    }
    for (auto& [key, nodes] : nodes_of) {
        WeightUse use;
        use.value = key.first;
        use.backend = key.second;
        use.memory = plan.memory_of_backend[use.backend];
        use.nodes = std::move(nodes);
        use.packing = make<afs_packing>();
        const Backend& backend = plan.backends[use.backend];
        if (WeightPacker* packer = backend.api->weights()) {
            const std::string failed = "cannot store weight '" +
                                       std::string(graph.values[use.value]->tag) + "' for '" +
                                       backend.name + "'";
            const Status status = packer->plan(
                plan.query(AFS_CLASS_GENERAL, use.nodes[0]), use.value, use.nodes.data(),
                static_cast<uint32_t>(use.nodes.size()), use.packing);
            if (!status.ok()) return status.context(failed);
            if (use.packing.bytes != 0 && use.packing.format == 0)
                return invalid(failed + ": its plan packs " + std::to_string(use.packing.bytes) +
                               " bytes in format 0, which means not packed");
        }
        use.needs_raw = use.packing.bytes == 0 || use.packing.keep_raw != 0;
        plan.weights.push_back(std::move(use));
    }
    return {};
}

}  // namespace afs
