#include "engine/activations.hpp"

#include <algorithm>

#include "afs/numeric.hpp"

namespace afs {

afs_tensor value_tensor(const afs_value& value, uint32_t n_tokens, uint32_t n_rows) {
    afs_tensor tensor{};
    tensor.dtype = value.dtype;
    tensor.rank = value.rank;
    int64_t stride = 1;
    for (int i = AFS_MAX_RANK - 1; i >= 0; --i) {
        int64_t extent = i < value.rank ? value.dims[i] : 1;
        if (extent == AFS_DIM_TOKENS) extent = n_tokens;
        if (extent == AFS_DIM_ROWS) extent = n_rows;
        tensor.dims[i] = extent;
        tensor.strides[i] = stride;
        stride *= extent;
    }
    return tensor;
}

uint64_t tensor_bytes(const afs_tensor& tensor) {
    uint64_t bytes = dtype_size(tensor.dtype);
    for (const int64_t extent : tensor.dims) bytes *= static_cast<uint64_t>(extent);
    return bytes;
}

std::vector<uint32_t> unit_inputs(const afs_graph& graph, const Unit& unit) {
    if (unit.kind != UnitKind::op) return unit.inputs;
    const afs_node& node = *graph.nodes[unit.nodes[0]];
    return {node.inputs, node.inputs + node.n_inputs};
}

std::vector<uint32_t> unit_outputs(const afs_graph& graph, const Unit& unit) {
    if (unit.kind == UnitKind::program) return unit.outputs;
    if (unit.kind == UnitKind::copy) return unit.inputs;
    return {graph.nodes[unit.nodes[0]]->output};
}

uint32_t unit_memory(const Plan& plan, const Unit& unit) {
    return unit.kind == UnitKind::copy ? unit.to : plan.memory_of_backend[unit.backend];
}

ActivationPlan::ActivationPlan(const afs_graph& graph, const Plan& plan,
                               const ClassPlan& class_plan, const afs_limits& sizes,
                               uint32_t apart) {
    const size_t n_units = class_plan.units.size();
    offsets_.assign(plan.memories.size(), std::vector<uint64_t>(graph.n_values, kAbsent));
    for (uint32_t memory = 0; memory < plan.memories.size(); ++memory) {
        std::vector<Life> lives;
        std::vector<size_t> life_of(graph.n_values, SIZE_MAX);
        for (size_t u = 0; u < n_units; ++u) {
            const Unit& unit = class_plan.units[u];
            const uint32_t reads_in =
                unit.kind == UnitKind::copy ? unit.from : unit_memory(plan, unit);
            if (reads_in == memory)
                for (const uint32_t value : unit_inputs(graph, unit))
                    if (life_of[value] != SIZE_MAX) lives[life_of[value]].last = u;
            if (unit_memory(plan, unit) != memory) continue;
            for (const uint32_t value : unit_outputs(graph, unit)) {
                if (graph.values[value]->kind != AFS_VALUE_ACT || value == apart) continue;
                const afs_tensor tensor =
                    value_tensor(*graph.values[value], sizes.max_tokens, sizes.max_rows);
                life_of[value] = lives.size();
                lives.push_back({value, u, u, tensor_bytes(tensor)});
            }
        }
        // What the host may ask for stays until the step is over.
        for (uint32_t i = 0; i < graph.n_outputs; ++i)
            if (life_of[graph.outputs[i]] != SIZE_MAX)
                lives[life_of[graph.outputs[i]]].last = n_units;
        place(memory, lives);
    }
}

void ActivationPlan::place(uint32_t memory, const std::vector<Life>& lives) {
    struct Range {
        uint64_t begin, end;
        size_t last;
    };
    std::vector<Range> busy;  // by begin
    uint64_t peak = 0;
    for (const Life& life : lives) {  // by first unit
        std::erase_if(busy, [&](const Range& r) { return r.last < life.first; });
        const uint64_t bytes = (life.bytes + 255) / 256 * 256;
        uint64_t begin = 0;
        auto before = busy.begin();
        for (; before != busy.end() && before->begin < begin + bytes; ++before)
            begin = std::max(begin, before->end);
        busy.insert(before, {begin, begin + bytes, life.last});
        offsets_[memory][life.value] = begin;
        peak = std::max(peak, begin + bytes);
    }
    bytes_.push_back(peak);
}

}  // namespace afs
