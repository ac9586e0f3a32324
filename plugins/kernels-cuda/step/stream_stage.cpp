// Products of one vector: what leads to it is made by the kernel that multiplies.
#include "step/stage.hpp"

namespace afs::cuda {
namespace {

class StreamStage final : public Stage {
public:
    StreamStage(const afs_graph& graph, const ProductNodes& nodes, int32_t in_flight)
        : graph_(graph), nodes_(nodes), in_flight_(in_flight) {
        inputs.push_back(nodes.input);
        if (nodes.residual != kNoValue) inputs.push_back(nodes.residual);
        outputs = nodes.outs;
        if (nodes.sum != kNoValue) outputs.push_back(nodes.sum);
        per_row = read<afs_value>(graph.values[nodes.outs[0]]).dims[0] == AFS_DIM_ROWS;
    }

    Status bind(const Bound& bound, void*) override {
        dtype_ = bound.tensors[nodes_.input].dtype;
        for (size_t i = 0; i < nodes_.weights.size(); ++i) {
            const afs_tensor& weight = bound.tensors[nodes_.weights[i]];
            if (!stream_fits(weight))
                return Status(Code::internal,
                              std::string("weight '") + graph_.values[nodes_.weights[i]]->tag +
                                  "' lies where the copy engine cannot read it: expected rows "
                                  "that start on 16 bytes");
            AFS_TRY(stream_weight(weight, product_.weights[i]));
            product_.rows[i] = static_cast<int32_t>(weight.dims[0]);
            product_.columns = static_cast<int32_t>(weight.dims[1]);
        }
        for (size_t i = 0; i < nodes_.outs.size(); ++i)
            product_.out[i] = bound.tensors[nodes_.outs[i]].data;
        product_.gated = nodes_.gated;
        product_.input = lead_in(graph_, nodes_, bound);
        stream_ring(product_, nodes_.beside_attention, in_flight_);
        return {};
    }

    Status exec(const afs_step&, bool early, cudaStream_t stream) override {
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

StreamInput lead_in(const afs_graph& graph, const ProductNodes& nodes, const Bound& bound) {
    const auto norm = [&](uint32_t index) -> StreamNorm {
        if (index == kNoValue) return {};
        afs_query query = make<afs_query>();
        query.graph = &graph;
        query.node = index;
        const Node node(query);
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
