// Products of one vector: what leads to it is made by the kernel that multiplies.
#include "heads/heads.hpp"
#include "step/stage.hpp"

namespace afs::cuda {
namespace {

class StreamStage final : public Stage {
public:
    StreamStage(const afs_graph& graph, const ProductNodes& nodes, int32_t in_flight)
        : graph_(graph), nodes_(nodes), in_flight_(in_flight) {
        inputs.push_back(nodes.input);
        if (nodes.residual != kNoValue) inputs.push_back(nodes.residual);
        state_bytes = kTurnSms * sizeof(uint32_t);
        outputs = nodes.outs;
        if (nodes.sum != kNoValue) outputs.push_back(nodes.sum);
        per_row = read<afs_value>(graph.values[nodes.outs[0]]).dims[0] == AFS_DIM_ROWS;
    }

    Status bind(const Bound& bound, void* state) override {
        turns = static_cast<uint32_t*>(state);
        product_.turns = {bound.turns_before, turns};
        dtype_ = bound.tensors[nodes_.input].dtype;
        return bind_stream(graph_, nodes_, bound, product_);
    }

    Status exec(const afs_step& step, bool early, cudaStream_t stream) override {
        const bool is_long = step.max_context > kHeadsMaxContext;
        const bool beside = nodes_.beside_attention || (nodes_.beside_long_attention && is_long);
        stream_ring(product_, beside, in_flight_);
        return stream_launch(product_, dtype_, early, stream);
    }

private:
    const afs_graph& graph_;
    ProductNodes nodes_;
    int32_t in_flight_;
    StreamProduct product_{};
    int32_t dtype_ = AFS_DTYPE_NONE;
};

}  // namespace

Status bind_stream(const afs_graph& graph, const ProductNodes& nodes, const Bound& bound,
                   StreamProduct& out) {
    for (size_t i = 0; i < nodes.weights.size(); ++i) {
        const afs_tensor& weight = bound.tensors[nodes.weights[i]];
        if (!stream_fits(weight))
            return Status(Code::internal,
                          std::string("weight '") + graph.values[nodes.weights[i]]->tag +
                              "' lies where the copy engine cannot read it: expected rows "
                              "that start on 16 bytes");
        AFS_TRY(stream_weight(weight, out.weights[i]));
        out.rows[i] = static_cast<int32_t>(weight.dims[0]);
        out.columns = static_cast<int32_t>(weight.dims[1]);
    }
    for (size_t i = 0; i < nodes.outs.size(); ++i) out.out[i] = bound.tensors[nodes.outs[i]].data;
    out.gated = nodes.gated;
    out.input = lead_in(graph, nodes, bound);
    return {};
}

StreamInput lead_in(const afs_graph& graph, const ProductNodes& nodes, const Bound& bound) {
    const auto norm = [&](uint32_t index) -> StreamNorm {
        if (index == kNoValue) return {};
        const Node node = node_of(graph, index);
        const auto params = node.params<afs_rms_norm_params>();
        return {bound.tensors[node.input_id(1)].data, params.eps, params.weight_before_cast};
    };
    StreamInput input;
    input.input = bound.tensors[nodes.input].data;
    if (nodes.residual != kNoValue) input.residual = bound.tensors[nodes.residual].data;
    if (nodes.sum != kNoValue) input.sum = bound.tensors[nodes.sum].data;
    input.post = norm(nodes.post_norm);
    input.norm = norm(nodes.norm);
    return input;
}

std::unique_ptr<Stage> make_stream_stage(const afs_graph& graph, const ProductNodes& nodes,
                                         int32_t in_flight) {
    return std::make_unique<StreamStage>(graph, nodes, in_flight);
}

}  // namespace afs::cuda
