#include "step/stage.hpp"

namespace afs::cuda {
namespace {

class OpStage final : public Stage {
public:
    OpStage(const OpEntry& entry, const afs_query& query, const afs_verdict& verdict)
        : node_(query), op_(entry.prepare(query)) {
        workspace_bytes = verdict.workspace_bytes;
        state_bytes = verdict.state_bytes;
        const afs_value out = node_.out();
        per_row = out.kind == AFS_VALUE_ACT && out.rank > 0 && out.dims[0] == AFS_DIM_ROWS;
        if (out.kind == AFS_VALUE_ACT) outputs.push_back(node_.output_id());
        for (uint32_t i = 0; i < node_.n_inputs(); ++i)
            if (node_.in(i).kind == AFS_VALUE_ACT) inputs.push_back(node_.input_id(i));
    }

    Status bind(const Bound& bound, void* state) override {
        for (uint32_t i = 0; i < node_.n_inputs(); ++i) {
            tensors_.push_back(bound.tensors[node_.input_id(i)]);
            if (node_.in(i).kind == AFS_VALUE_KV) kv_ = &bound.cache(node_.in(i));
        }
        output_ = bound.tensors[node_.output_id()];
        if (node_.out().kind == AFS_VALUE_KV) kv_ = &bound.cache(node_.out());
        workspace_ = bound.workspace;
        state_ = state;
        return {};
    }

    Status exec(const afs_step& step, bool, cudaStream_t stream) override {
        afs_run run = make<afs_run>();
        run.n_inputs = node_.n_inputs();
        run.inputs = tensors_.data();
        run.output = &output_;
        run.step = &step;
        run.kv = kv_;
        run.workspace = workspace_;
        run.state = state_;
        run.stream = stream;
        const Status status = op_->run(run);
        return status.ok() ? status : status.context(std::string("node '") + node_.tag() + "'");
    }

private:
    Node node_;
    std::unique_ptr<Op> op_;
    std::vector<afs_tensor> tensors_;
    afs_tensor output_{};
    const afs_kv* kv_ = nullptr;
    void *workspace_ = nullptr, *state_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Stage>> make_op_stage(const OpEntry& entry, const afs_query& query) {
    OpCheck check(query, {AFS_F32, AFS_BF16, AFS_F16});
    afs_verdict verdict = make<afs_verdict>();
    entry.query(check, verdict);
    if (!verdict.supported) return unsupported(verdict.reason);
    return std::unique_ptr<Stage>(std::make_unique<OpStage>(entry, query, verdict));
}

}  // namespace afs::cuda
