#include "support/op_harness.hpp"

#include "support/domain_memory.hpp"

namespace afs::test {
namespace {

afs_value value_of(const Array& a, int32_t kind, int64_t rows_symbol, const char* tag) {
    afs_value v = make<afs_value>();
    v.kind = kind;
    v.dtype = a.dtype;
    v.rank = static_cast<int32_t>(a.dims.size());
    for (int i = 0; i < AFS_MAX_RANK; ++i) v.dims[i] = 1;
    for (size_t i = 0; i < a.dims.size(); ++i) v.dims[i] = a.dims[i];
    if (kind == AFS_VALUE_ACT && v.rank > 0) v.dims[0] = rows_symbol;
    v.tag = tag;
    return v;
}

// What the backend makes of input i, a weight: packed, or as it is.
Status pack(KernelBackend& backend, const OneNode& node, uint32_t i, Memory& memory,
            afs_tensor& view) {
    WeightPacker* packer = backend.weights();
    if (!packer) return {};
    afs_packing packing = make<afs_packing>();
    const uint32_t node_index = 0;
    AFS_TRY(packer->plan(node.query(), i, &node_index, 1, packing));
    if (packing.bytes == 0) return {};
    void* packed = memory.room(packing.bytes);
    AFS_TRY(memory.status);
    AFS_TRY(packer->pack(node.query(), i, packing, view, packed, memory.stream()));
    view.data = packed;
    view.format = packing.format;
    return {};
}

}  // namespace

OneNode::OneNode(const OpCase& c) {
    const bool sampling = c.op == "sample/1", selecting = c.op == "select_rows/1";
    for (size_t i = 0; i < c.inputs.size(); ++i)
        values_.push_back(value_of(c.inputs[i], c.kinds[i],
                                   sampling ? AFS_DIM_ROWS : AFS_DIM_TOKENS, "case.input"));
    afs_value cache = make<afs_value>();
    cache.kind = AFS_VALUE_KV;
    cache.tag = "case.kv";
    const bool appending = c.op == "kv_append/1";
    if (c.kv && !appending) values_.push_back(cache);
    const uint32_t n_inputs = static_cast<uint32_t>(values_.size());
    values_.push_back(appending ? cache
                                : value_of(c.output, AFS_VALUE_ACT,
                                           sampling || selecting ? AFS_DIM_ROWS : AFS_DIM_TOKENS,
                                           "case.output"));
    for (const afs_value& v : values_) pointers_.push_back(&v);
    for (uint32_t i = 0; i < n_inputs; ++i) inputs_.push_back(i);

    node_ = make<afs_node>();
    node_.n_inputs = n_inputs;
    node_.inputs = inputs_.data();
    node_.output = n_inputs;
    node_.layer = -1;
    node_.op = c.op.c_str();
    node_.params = c.params.get();
    nodes_ = &node_;
    group_ = make<afs_kv_group>();
    layout_ = c.kv ? c.kv->layout : make<afs_kv_layout>();
    group_.n_layers = 1;
    group_.n_kv_heads = layout_.n_kv_heads;
    group_.head_dim = layout_.head_dim;
    groups_ = &group_;
    layouts_ = &layout_;
    graph_ = make<afs_graph>();
    graph_.n_values = static_cast<uint32_t>(values_.size());
    graph_.values = pointers_.data();
    graph_.n_nodes = 1;
    graph_.nodes = &nodes_;
    graph_.n_kv_groups = c.kv ? 1 : 0;
    graph_.kv_groups = &groups_;
    limits_ = make<afs_limits>();
    limits_.step_class = c.step_class;
    limits_.max_tokens = c.step.n_tokens();
    limits_.max_seqs = c.step.n_seqs();
    limits_.max_rows =
        static_cast<uint32_t>(std::max<size_t>(c.step.n_rows(), c.step.prev_ids.size()));
    limits_.max_blocks = c.step.max_blocks;
    limits_.max_context = c.step.max_context;
    query_ = make<afs_query>();
    query_.graph = &graph_;
    query_.limits = &limits_;
    query_.kv_layouts = &layouts_;
}

Outcome run(KernelBackend& backend, const OpCase& c, Device* device, afs_stream stream) {
    Outcome out;
    out.output = c.output;
    out.kv = c.kv;
    OneNode node(c);
    out.verdict = make<afs_verdict>();
    out.status = backend.query(node.query(), out.verdict);
    if (out.status.ok() && !out.verdict.supported) out.status = unsupported(out.verdict.reason);
    if (!out.status.ok()) return out;
    auto op = backend.prepare(node.query());
    if (!op.ok()) return out.status = op.status(), out;

    Memory memory(device, stream);
    std::vector<void*> at;
    std::vector<afs_tensor> views;
    for (const Array& a : c.inputs) {
        at.push_back(memory.put_in(a.bytes()));
        views.push_back(a.view(at.back()));
    }
    for (uint32_t i = 0; i < views.size(); ++i)
        if (c.packed && c.kinds[i] == AFS_VALUE_WEIGHT)
            if (const Status s = pack(backend, node, i, memory, views[i]); !s.ok())
                return out.status = s, out;
    if (c.kv && c.op != "kv_append/1") views.push_back(afs_tensor{});
    void* output_at = memory.put_in(c.output.bytes());
    const afs_tensor output = c.output.view(output_at);
    afs_kv kv{};
    void *k_at = nullptr, *v_at = nullptr;
    if (c.kv) {
        k_at = memory.put_in(c.kv->k.bytes());
        v_at = memory.put_in(c.kv->v.bytes());
        kv = {c.kv->k.view(k_at).data, c.kv->v.view(v_at).data, &c.kv->layout};
    }
    out.host_ids.assign(c.step.n_rows(), -1);
    int32_t* host_ids = c.with_host_ids ? memory.put_in(out.host_ids) : nullptr;
    const afs_step step = step_in(memory, c.step, memory.put_in(c.step.prev_ids), host_ids);

    afs_run run = make<afs_run>();
    run.n_inputs = static_cast<uint32_t>(views.size());
    run.inputs = views.data();
    run.output = &output;
    run.step = &step;
    run.kv = c.kv ? &kv : nullptr;
    run.workspace = memory.room(out.verdict.workspace_bytes);
    run.state = memory.room(out.verdict.state_bytes);
    run.stream = stream;
    if (memory.status.ok()) {
        memory.fill(run.workspace, 0xff, out.verdict.workspace_bytes);  // NaN: contents undefined
        memory.fill(run.state, 0, out.verdict.state_bytes);
        out.status = (*op)->run(run);
    }
    memory.sync();
    memory.take_out(out.output.bytes(), output_at);
    if (host_ids) memory.take_out(out.host_ids, host_ids);
    if (c.kv) {
        memory.take_out(out.kv->k.bytes(), k_at);
        memory.take_out(out.kv->v.bytes(), v_at);
        out.clean = out.kv->k.guards_intact() && out.kv->v.guards_intact();
        if (c.op != "kv_append/1")
            out.clean = out.clean && out.kv->k.bytes() == c.kv->k.bytes() &&
                        out.kv->v.bytes() == c.kv->v.bytes();
    }
    out.clean = out.clean && out.output.guards_intact();
    for (size_t i = 0; i < at.size(); ++i) {
        std::vector<uint8_t> now = c.inputs[i].bytes();
        memory.take_out(now, at[i]);
        out.clean = out.clean && now == c.inputs[i].bytes();
    }
    if (out.status.ok()) out.status = memory.status;
    return out;
}

}  // namespace afs::test
