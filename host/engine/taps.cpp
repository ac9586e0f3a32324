// The part of ClassRunner that copies watched values out of a running step.
#include <algorithm>

#include "afs/numeric.hpp"
#include "engine/class_runner.hpp"
#include "engine/floats.hpp"

namespace afs {

Status ClassRunner::can_tap(uint32_t value) const {
    const afs_value& what = *context_.graph->values[value];
    const std::string subject = "cannot watch '" + std::string(what.tag) + "': ";
    if (what.kind != AFS_VALUE_ACT) return unsupported(subject + "only activations can be watched");
    for (const Unit& unit : plan_.units)
        for (const uint32_t node : unit.nodes)
            if (context_.graph->nodes[node]->output == value) return {};
    return unsupported(subject + "no unit of this step class forms it");
}

Status ClassRunner::read_tap(uint32_t memory, afs_tensor tensor, uint32_t value,
                             const TapRequest& taps) {
    Domain& where = *context_.domains[memory];
    // Only the real rows: what padding holds is undefined.
    const afs_tensor real =
        value_tensor(*context_.graph->values[value], taps.n_tokens, taps.n_rows);
    const uint64_t bytes = tensor_bytes(real);
    std::vector<char> raw(bytes);
    AFS_TRY(where.sync());
    AFS_TRY(where.device().copy(where.stream(), AFS_COPY_D2H, raw.data(), tensor.data, bytes));
    AFS_TRY(where.sync());
    Engine::Tap tap;
    tap.tag = context_.graph->values[value]->tag;
    tap.dims.assign(real.dims, real.dims + real.rank);
    tap.data.resize(bytes / dtype_size(real.dtype));
    to_floats(raw.data(), real.dtype, tap.data.size(), tap.data.data());
    taps.into->push_back(std::move(tap));
    return {};
}

// Watched values that the unit wrote where others read them.
Status ClassRunner::take(uint32_t u, const BucketEntry& entry, const TapRequest& taps) {
    const Unit& unit = plan_.units[u];
    if (unit.kind == UnitKind::copy) return {};
    const uint32_t memory = unit_memory(*context_.plan, unit);
    for (const uint32_t value : unit_outputs(*context_.graph, unit)) {
        if (!taps.values.count(value)) continue;
        AFS_TRY(read_tap(memory, tensor(memory, value, entry.bucket), value, taps));
    }
    return {};
}

// Watched values inside the set are asked of the program, into memory of their own.
Status ClassRunner::run_tapped_program(uint32_t u, BucketEntry& entry, const TapRequest& taps) {
    const Unit& unit = plan_.units[u];
    const uint32_t memory = unit_memory(*context_.plan, unit);
    Domain& where = domain(unit);
    GraphProgram& program = *entry.programs[u].program;
    std::vector<std::pair<uint32_t, Buffer>> inside;
    for (const uint32_t node : unit.nodes) {
        const uint32_t value = context_.graph->nodes[node]->output;
        const bool outside =
            std::find(unit.outputs.begin(), unit.outputs.end(), value) != unit.outputs.end();
        if (outside || !taps.values.count(value)) continue;
        afs_tensor into = value_tensor(*context_.graph->values[value], entry.bucket.n_tokens,
                                       entry.bucket.n_rows);
        AFS_ASSIGN(Buffer buffer,
                   Buffer::create(where.shared_device(), AFS_MEM_DEVICE, tensor_bytes(into)));
        into.data = buffer.data();
        if (Status formed = program.tap(value, &into); !formed.ok()) {
            if (taps.unformed == Engine::Unformed::skip && formed.code() == Code::unsupported)
                continue;
            return formed;
        }
        inside.emplace_back(value, std::move(buffer));
    }
    Status status = program.exec(entry.steps[memory], where.stream());
    for (auto& [value, buffer] : inside) {
        afs_tensor from = value_tensor(*context_.graph->values[value], entry.bucket.n_tokens,
                                       entry.bucket.n_rows);
        from.data = buffer.data();
        if (status.ok()) status = read_tap(memory, from, value, taps);
        const Status ended = program.tap(value, nullptr);
        if (status.ok()) status = ended;
    }
    return status;
}

}  // namespace afs
