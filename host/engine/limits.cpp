#include "engine/limits.hpp"

#include <algorithm>
#include <cstring>

#include "engine/activations.hpp"

namespace afs {
namespace {

constexpr uint64_t kActivationBytes = 40u << 20, kLogitBytes = 8u << 20;
constexpr uint32_t kHostChunk = 512, kDeviceChunk = 4096;

// Bytes of the widest value with one row for each of n_rows.
uint64_t logit_row_bytes(const afs_graph& graph) {
    uint64_t most = 1;
    for (uint32_t v = 0; v < graph.n_values; ++v)
        if (graph.values[v]->kind == AFS_VALUE_ACT && graph.values[v]->dims[0] == AFS_DIM_ROWS)
            most = std::max(most, tensor_bytes(value_tensor(*graph.values[v], 1, 1)));
    return most;
}

}  // namespace

uint64_t plain_activation_bytes(const afs_graph& graph, const afs_limits& limits) {
    Plan plan;
    plan.memories.resize(1);
    plan.memory_of_backend = {0};
    ClassPlan nodes;
    for (uint32_t n = 0; n < graph.n_nodes; ++n) {
        Unit unit;
        unit.nodes = {n};
        nodes.units.push_back(unit);
    }
    return ActivationPlan(graph, plan, nodes, limits, 0xffffffffu).bytes(0);
}

afs_limits recommended_limits(const afs_graph& graph, const EngineOptions& options,
                              uint32_t model_context, uint64_t device_bytes) {
    afs_limits limits = make<afs_limits>();
    limits.step_class = AFS_CLASS_GENERAL;
    limits.max_context =
        options.max_context ? options.max_context : std::min(std::max(model_context, 1u), 4096u);
    limits.max_seqs = options.max_sequences ? options.max_sequences : 1;
    const uint64_t all_tokens = uint64_t{limits.max_context} * limits.max_seqs;
    uint32_t chunk = options.prefill_chunk;
    if (!chunk)
        chunk = static_cast<uint32_t>(
            std::min<uint64_t>(device_bytes ? kDeviceChunk : kHostChunk, all_tokens));
    const uint64_t most_bytes = std::max(kActivationBytes, device_bytes / 32);
    const auto fit =
        static_cast<uint32_t>(std::min<uint64_t>(kLogitBytes / logit_row_bytes(graph), UINT32_MAX));
    for (;; chunk /= 2) {
        limits.max_tokens = std::max(chunk, limits.max_seqs);
        limits.max_rows = std::max(limits.max_seqs, std::min(limits.max_tokens, fit));
        if (options.prefill_chunk || chunk <= 32) break;
        if (plain_activation_bytes(graph, limits) <= most_bytes) break;
    }
    return limits;
}

}  // namespace afs
