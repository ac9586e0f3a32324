// A stretch of a step of one sequence in one launch.
#include "step/persistent_run.hpp"

namespace afs::cuda {
namespace {

class PersistentStage final : public Stage {
public:
    PersistentStage(const afs_graph& graph, PersistentRun run, int32_t in_flight)
        : graph_(graph), run_(std::move(run)), in_flight_(in_flight) {
        for (const PersistentRun::Op& op : run_.ops) {
            args_.push_back(op.args);
            if (op.fused.is_attention) continue;
            const ProductNodes& p = op.fused.product;
            if (op.args.from[0] < 0) inputs.push_back(p.input);
            if (p.residual != kNoValue && !op.args.adds_held) inputs.push_back(p.residual);
            if (op.stores_sum) outputs.push_back(p.sum);
            for (size_t w = 0; w < p.outs.size(); ++w)
                if (op.is_stored[w]) outputs.push_back(p.outs[w]);
        }
        state_bytes = persistent_state_bytes(args_);
    }

    Status bind(const Bound& bound, void* state) override {
        for (size_t i = 0; i < args_.size(); ++i)
            AFS_TRY(run_.ops[i].fused.is_attention
                        ? attention_operands(graph_, run_.ops[i].fused.attention, bound,
                                             args_[i].attention, args_[i].entry)
                        : bind_product(run_.ops[i], bound, args_[i]));
        const int32_t dtype = read<afs_value>(graph_.values[run_.ops[0].fused.product.input]).dtype;
        return persistent_prepare(args_, dtype, in_flight_, state, bound.stream, prepared_);
    }

    Status exec(const afs_step& step, bool early, cudaStream_t stream) override {
        return persistent_launch(prepared_, step, early, stream);
    }

private:
    Status bind_product(const PersistentRun::Op& op, const Bound& bound, PersistentArgs& args) {
        const ProductNodes& p = op.fused.product;
        AFS_TRY(stream_weights(graph_, p, bound, args.product));
        StreamInput& input = args.product.input;
        input = lead_in(graph_, p, bound);
        if (args.from[0] >= 0) input.input = nullptr;
        if (args.adds_held) input.residual = nullptr;
        if (!op.stores_sum) input.sum = nullptr;
        for (size_t w = 0; w < p.outs.size(); ++w)
            args.product.out[w] = op.is_stored[w] ? bound.tensors[p.outs[w]].data : nullptr;
        return {};
    }

    const afs_graph& graph_;
    PersistentRun run_;
    int32_t in_flight_;
    std::vector<PersistentArgs> args_;
    PreparedPersistent prepared_{};
};

}  // namespace

std::unique_ptr<Stage> make_persistent_stage(const afs_graph& graph, PersistentRun run,
                                             int32_t in_flight) {
    return std::make_unique<PersistentStage>(graph, std::move(run), in_flight);
}

}  // namespace afs::cuda
