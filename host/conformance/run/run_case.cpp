#include "conformance/run/run_case.hpp"

namespace afs::conformance {
namespace {

constexpr size_t kGuard = 256;  // bytes on either side of workspace and state

// What the backend makes of input i, a weight: packed, or as it is.
Status pack(KernelBackend& backend, const OneNode& node, uint32_t i, DomainMemory& memory,
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

std::function<void(const char*)> PreparedCase::on_stage;

PreparedCase::PreparedCase(KernelBackend& backend, const OpCase& c, Device* device,
                           afs_stream stream, bool slack)
    : case_(c), device_(device), memory_(device, stream), node_(c) {
    if (slack) {
        afs_limits& limits = node_.limits();
        if (limits.step_class == AFS_CLASS_GENERAL) limits.max_tokens = 2 * limits.max_tokens + 3;
        limits.max_rows += 5, limits.max_seqs += 2, limits.max_blocks += 3;
        limits.max_context = 2 * limits.max_context + 7;
    }
    out_.output = c.output;
    out_.kv = c.kv;
    out_.verdict = make<afs_verdict>();
    out_.status = ask(backend);
    if (out_.status.ok()) out_.status = place(backend);
}

void PreparedCase::stage(const char* name) {
    out_.stage = name;
    if (on_stage) on_stage(name);
}

Status PreparedCase::ask(KernelBackend& backend) {
    stage("query");
    AFS_TRY(backend.query(node_.query(), out_.verdict));
    out_.refused = !out_.verdict.supported;
    if (out_.refused) return unsupported(out_.verdict.reason);
    stage("prepare");
    AFS_ASSIGN(op_, backend.prepare(node_.query()));
    return {};
}

Status PreparedCase::place(KernelBackend& backend) {
    const OpCase& c = case_;
    stage("memory");
    for (const Array& a : c.inputs) {
        inputs_at_.push_back(memory_.put_in(a.bytes()));
        views_.push_back(a.view(inputs_at_.back()));
    }
    stage("pack");
    for (uint32_t i = 0; i < views_.size(); ++i)
        if (c.packed && c.kinds[i] == AFS_VALUE_WEIGHT)
            AFS_TRY(pack(backend, node_, i, memory_, views_[i]));
    stage("memory");
    if (c.kv && c.op != "kv_append/1") views_.push_back(afs_tensor{});
    output_at_ = memory_.put_in(c.output.bytes());
    output_ = c.output.view(output_at_);
    if (c.kv) {
        k_at_ = memory_.put_in(c.kv->k.bytes());
        v_at_ = memory_.put_in(c.kv->v.bytes());
        kv_ = {c.kv->k.view(k_at_).data, c.kv->v.view(v_at_).data, &c.kv->layout};
    }
    out_.host_ids.assign(c.step.n_rows(), -1);
    if (c.with_host_ids) host_ids_ = memory_.put_in(out_.host_ids);
    step_ = step_in(memory_, c.step, memory_.put_in(c.step.prev_ids), host_ids_);
    workspace_ = static_cast<uint8_t*>(memory_.room(out_.verdict.workspace_bytes + 2 * kGuard));
    state_ = static_cast<uint8_t*>(memory_.room(out_.verdict.state_bytes + 2 * kGuard));
    AFS_TRY(memory_.status);

    run_ = make<afs_run>();
    run_.n_inputs = static_cast<uint32_t>(views_.size());
    run_.inputs = views_.data();
    run_.output = &output_;
    run_.step = &step_;
    run_.kv = c.kv ? &kv_ : nullptr;
    run_.workspace = workspace_ + kGuard;
    run_.state = state_ + kGuard;
    run_.stream = memory_.stream();
    // 0xff: NaN, since a workspace's contents are undefined; a state's are zeroed once.
    memory_.fill(workspace_, 0xff, out_.verdict.workspace_bytes + 2 * kGuard);
    memory_.fill(state_, 0xff, out_.verdict.state_bytes + 2 * kGuard);
    memory_.fill(run_.state, 0, out_.verdict.state_bytes);
    memory_.sync();
    return memory_.status;
}

void PreparedCase::restore() {
    memory_.put(output_at_, case_.output.bytes().data(), case_.output.bytes().size());
    if (case_.kv) {
        memory_.put(k_at_, case_.kv->k.bytes().data(), case_.kv->k.bytes().size());
        memory_.put(v_at_, case_.kv->v.bytes().data(), case_.kv->v.bytes().size());
    }
    memory_.fill(run_.workspace, 0xff, out_.verdict.workspace_bytes);
    memory_.sync();
}

void PreparedCase::blame(const std::string& what) {
    out_.clean = false;
    if (out_.touched.empty()) out_.touched = what;
}

// Reads back an array and compares what the op may not change: all of it where now is NULL.
void PreparedCase::look(const Array& before, const void* at, const std::string& what, Array* now) {
    Array read = before;
    memory_.take_out(read.bytes(), at);
    const auto end = static_cast<int64_t>(dtype_bytes(before.dtype, before.size()));
    if (const auto offset = read.first_touched())
        blame(*offset < 0      ? "wrote " + std::to_string(-*offset) + " bytes before " + what
              : *offset >= end ? "wrote past the end of " + what + ", " +
                                     std::to_string(*offset - end) + " bytes behind it"
                               : "wrote between the rows of " + what);
    else if (!now && read.bytes() != before.bytes())
        blame("wrote to " + what);
    if (now) *now = std::move(read);
}

Outcome PreparedCase::take() {
    memory_.sync();
    const OpCase& c = case_;
    out_.clean = true;
    out_.touched.clear();
    look(c.output, output_at_, "the output", &out_.output);
    if (host_ids_) memory_.take_out(out_.host_ids, host_ids_);
    if (c.kv) {
        const bool writes = c.op == "kv_append/1";
        look(c.kv->k, k_at_, "the cache's keys", writes ? &out_.kv->k : nullptr);
        look(c.kv->v, v_at_, "the cache's values", writes ? &out_.kv->v : nullptr);
    }
    for (size_t i = 0; i < inputs_at_.size(); ++i)
        look(c.inputs[i], inputs_at_[i], "input " + std::to_string(i), nullptr);
    const auto edges = [&](const uint8_t* at, uint64_t bytes, const std::string& what) {
        std::vector<uint8_t> zone(kGuard);
        for (const bool behind : {false, true}) {
            memory_.take_out(zone, at + (behind ? kGuard + bytes : 0));
            for (size_t i = 0; i < kGuard; ++i)
                if (zone[i] != 0xff)
                    return blame("wrote outside the " + std::to_string(bytes) + " bytes of " +
                                 what + " that it asked for" +
                                 (behind ? ", " + std::to_string(i) + " bytes behind them" : ""));
        }
    };
    edges(workspace_, out_.verdict.workspace_bytes, "workspace");
    edges(state_, out_.verdict.state_bytes, "state");
    if (out_.status.ok()) out_.status = memory_.status;
    return out_;
}

Outcome PreparedCase::run() {
    if (!out_.status.ok()) return out_;
    stage("run");
    out_.status = enqueue();
    return take();
}

Outcome run(KernelBackend& backend, const OpCase& c, Device* device, afs_stream stream) {
    return PreparedCase(backend, c, device, stream).run();
}

}  // namespace afs::conformance
