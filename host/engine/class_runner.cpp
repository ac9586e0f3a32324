#include "engine/class_runner.hpp"

#include <algorithm>

namespace afs {

ClassRunner::ClassRunner(ExecContext& context, uint32_t class_index,
                         const ActivationPlan& activations)
    : context_(context),
      activations_(activations),
      plan_(context.plan->classes[class_index]),
      class_index_(class_index),
      ops_(plan_.units.size()) {}

Result<std::unique_ptr<ClassRunner>> ClassRunner::create(ExecContext& context, uint32_t class_index,
                                                         const ActivationPlan& activations) {
    std::unique_ptr<ClassRunner> made(new ClassRunner(context, class_index, activations));
    std::set<uint32_t> memories;
    for (uint32_t u = 0; u < made->plan_.units.size(); ++u) {
        const Unit& unit = made->plan_.units[u];
        memories.insert(unit_memory(*context.plan, unit));
        if (unit.kind == UnitKind::copy) memories.insert(unit.from);
        made->has_programs_ = made->has_programs_ || unit.kind == UnitKind::program;
        made->has_copies_ = made->has_copies_ || unit.kind == UnitKind::copy;
        if (unit.kind != UnitKind::op) continue;
        if (const Status s = made->prepare_op(u); !s.ok())
            return s.context("cannot prepare " + made->unit_name(unit));
        if (!(unit.verdict.flags & AFS_CAPTURE_SAFE)) made->ops_capture_safe_ = false;
    }
    made->memories_.assign(memories.begin(), memories.end());
    return made;
}

std::string ClassRunner::unit_name(const Unit& unit) const {
    const afs_graph& graph = *context_.graph;
    const auto tag = [&](uint32_t value) { return std::string(graph.values[value]->tag); };
    if (unit.kind == UnitKind::copy)
        return "copy of '" + tag(unit.inputs[0]) + "' from " + context_.domains[unit.from]->name() +
               " to " + context_.domains[unit.to]->name();
    const std::string by = " on '" + context_.plan->backends[unit.backend].name + "'";
    const afs_node& first = *graph.nodes[unit.nodes[0]];
    if (unit.kind == UnitKind::op)
        return "node '" + tag(first.output) + "' (" + first.op + ")" + by;
    return "set of " + std::to_string(unit.nodes.size()) + " nodes from '" + tag(first.output) +
           "'" + by;
}

Status ClassRunner::prepare_op(uint32_t u) {
    const Unit& unit = plan_.units[u];
    const afs_node& node = *context_.graph->nodes[unit.nodes[0]];
    OpUnit& made = ops_[u];
    Domain& where = domain(unit);
    AFS_ASSIGN(made.op, context_.plan->backends[unit.backend].api->prepare(
                            context_.plan->query(class_index_, unit.nodes[0])));
    if (unit.verdict.state_bytes > 0) {
        AFS_ASSIGN(made.state,
                   Buffer::create(where.shared_device(), AFS_MEM_DEVICE, unit.verdict.state_bytes));
        AFS_TRY(
            where.device().fill(where.stream(), made.state.data(), 0, unit.verdict.state_bytes));
    }
    AFS_TRY(where.reserve_workspace(unit.verdict.workspace_bytes));
    made.inputs.resize(node.n_inputs);
    std::vector<uint32_t> touched(node.inputs, node.inputs + node.n_inputs);
    touched.push_back(node.output);
    for (const uint32_t value : touched)
        if (context_.graph->values[value]->kind == AFS_VALUE_KV)
            made.kv = context_.kv->view(*context_.graph->values[value]);
    return {};
}

afs_tensor ClassRunner::tensor(uint32_t memory, uint32_t value, const Bucket& bucket) const {
    afs_tensor made = value_tensor(*context_.graph->values[value], bucket.n_tokens, bucket.n_rows);
    const uint64_t offset = activations_.offset(memory, value);
    if (value == context_.ids_value)
        made.data = context_.prev_ids[memory].data();
    else if (offset != ActivationPlan::kAbsent)
        made.data = context_.arenas[memory].data() + offset;
    return made;
}

afs_tensor ClassRunner::backend_tensor(uint32_t backend, uint32_t value,
                                       const Bucket& bucket) const {
    if (context_.graph->values[value]->kind == AFS_VALUE_WEIGHT)
        if (const afs_tensor* weight = context_.weights.find(backend, value)) return *weight;
    return tensor(context_.plan->memory_of_backend[backend], value, bucket);
}

uint32_t ClassRunner::memory_of(uint32_t value) const {
    for (const Unit& unit : plan_.units) {
        const auto formed = unit_outputs(*context_.graph, unit);
        if (std::find(formed.begin(), formed.end(), value) != formed.end())
            return unit_memory(*context_.plan, unit);
    }
    return kNone;
}

bool ClassRunner::capturable(const BucketEntry& entry) const {
    if (has_copies_ || !ops_capture_safe_ || memories_.size() != 1) return false;
    if (!context_.domains[memories_[0]]->captures()) return false;
    return std::all_of(entry.programs.begin(), entry.programs.end(), [](const BoundProgram& p) {
        return !p.program || (p.flags & AFS_CAPTURE_SAFE);
    });
}

Status ClassRunner::bind(BucketEntry& entry) {
    entry.programs.resize(plan_.units.size());
    for (uint32_t u = 0; u < plan_.units.size(); ++u)
        if (plan_.units[u].kind == UnitKind::program)
            if (const Status s = bind_program(entry, u); !s.ok())
                return s.context("cannot compile " + unit_name(plan_.units[u]));
    return {};
}

Status ClassRunner::bind_program(BucketEntry& entry, uint32_t u) {
    const Unit& unit = plan_.units[u];
    const Backend& backend = context_.plan->backends[unit.backend];
    GraphBackend* graph = backend.api->graph();
    if (!graph) return Status(Code::internal, "it provides no afs.graph/1");
    Domain& where = domain(unit);
    afs_region region = make<afs_region>();
    region.set = unit.set;
    region.kind = unit.set_kind;
    region.n_nodes = static_cast<uint32_t>(unit.nodes.size());
    region.n_inputs = static_cast<uint32_t>(unit.inputs.size());
    region.n_outputs = static_cast<uint32_t>(unit.outputs.size());
    region.nodes = unit.nodes.data();
    region.inputs = unit.inputs.data();
    region.outputs = unit.outputs.data();
    BoundProgram& bound = entry.programs[u];
    const afs_step& step = entry.steps[unit_memory(*context_.plan, unit)];
    afs_compiled compiled = make<afs_compiled>();
    AFS_ASSIGN(bound.program,
               graph->compile(context_.plan->query(class_index_, 0), region, step, compiled));
    bound.flags = compiled.flags;
    AFS_TRY(where.reserve_workspace(compiled.workspace_bytes));
    if (compiled.state_bytes > 0) {
        AFS_ASSIGN(bound.state,
                   Buffer::create(where.shared_device(), AFS_MEM_DEVICE, compiled.state_bytes));
        AFS_TRY(where.device().fill(where.stream(), bound.state.data(), 0, compiled.state_bytes));
    }
    for (uint32_t value = 0; value < context_.graph->n_values; ++value)
        bound.values.push_back(backend_tensor(unit.backend, value, entry.bucket));
    afs_bind bind = make<afs_bind>();
    bind.n_values = context_.graph->n_values;
    bind.values = bound.values.data();
    bind.kv = context_.kv->views();
    bind.step = &step;
    bind.workspace = where.workspace();
    bind.state = bound.state.data();
    return bound.program->bind(bind, where.stream());
}

Status ClassRunner::run(BucketEntry& entry, const TapRequest* taps, StepTimer* timer) {
    if (timer) AFS_TRY(timer->begin(plan_.units.size(), memories_));
    for (uint32_t u = 0; u < plan_.units.size(); ++u) {
        const Unit& unit = plan_.units[u];
        if (unit.per_row && entry.bucket.n_rows == 0) continue;
        const uint32_t memory = unit_memory(*context_.plan, unit);
        if (timer) AFS_TRY(timer->before(u, memory));
        Status status = run_unit(u, entry, taps);
        if (status.ok() && timer) status = timer->after(u, memory);
        if (status.ok() && taps) status = take(u, entry, *taps);
        if (!status.ok()) return status.context(unit_name(unit));
    }
    return {};
}

Status ClassRunner::run_unit(uint32_t u, BucketEntry& entry, const TapRequest* taps) {
    const Unit& unit = plan_.units[u];
    if (unit.kind == UnitKind::op) return run_op(u, entry);
    if (unit.kind == UnitKind::copy) return run_copy(unit, entry);
    if (taps) return run_tapped_program(u, entry, *taps);
    return entry.programs[u].program->exec(entry.steps[unit_memory(*context_.plan, unit)],
                                           domain(unit).stream());
}

Status ClassRunner::run_op(uint32_t u, BucketEntry& entry) {
    const Unit& unit = plan_.units[u];
    const afs_node& node = *context_.graph->nodes[unit.nodes[0]];
    OpUnit& op = ops_[u];
    for (uint32_t i = 0; i < node.n_inputs; ++i)
        op.inputs[i] = backend_tensor(unit.backend, node.inputs[i], entry.bucket);
    op.output = backend_tensor(unit.backend, node.output, entry.bucket);
    Domain& where = domain(unit);
    afs_run run = make<afs_run>();
    run.n_inputs = node.n_inputs;
    run.inputs = op.inputs.data();
    run.output = &op.output;
    run.step = &entry.steps[unit_memory(*context_.plan, unit)];
    run.kv = op.kv;
    run.workspace = where.workspace();
    run.state = op.state.data();
    run.stream = where.stream();
    return op.op->run(run);
}

// Through this host: both streams are synchronised, so neither side can overtake the other.
Status ClassRunner::run_copy(const Unit& unit, const BucketEntry& entry) {
    const uint32_t value = unit.inputs[0];
    Domain &from = *context_.domains[unit.from], &to = *context_.domains[unit.to];
    const afs_tensor source = tensor(unit.from, value, entry.bucket);
    const afs_tensor target = tensor(unit.to, value, entry.bucket);
    const uint64_t bytes = tensor_bytes(source);
    if (!source.data || !target.data)
        return Status(Code::internal, "the value has no place in one of the memories");
    if (bytes == 0) return {};
    if (to.host_reads()) {
        AFS_TRY(to.sync());
        AFS_TRY(from.device().copy(from.stream(), AFS_COPY_D2H, target.data, source.data, bytes));
        return from.sync();
    }
    AFS_TRY(from.sync());
    const void* host = source.data;
    Buffer bounce;
    if (!from.host_reads()) {
        AFS_ASSIGN(bounce, Buffer::create(to.shared_device(), AFS_MEM_PINNED, bytes));
        AFS_TRY(from.device().copy(from.stream(), AFS_COPY_D2H, bounce.data(), source.data, bytes));
        AFS_TRY(from.sync());
        host = bounce.data();
    }
    AFS_TRY(to.device().copy(to.stream(), AFS_COPY_H2D, target.data, host, bytes));
    return to.sync();
}

}  // namespace afs
