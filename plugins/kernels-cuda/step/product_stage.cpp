// Products of many vectors: a launch for what leads to them, where there is anything, and one for
// the products.
#include <algorithm>

#include "product/product.hpp"
#include "step/stage.hpp"

namespace afs::cuda {
namespace {

// Of a product's weights, asked for while its vectors are made: twice as much was slower.
constexpr uint64_t kAheadBytes = 8 << 20;

class ProductStage final : public Stage {
public:
    ProductStage(const afs_graph& graph, const ProductNodes& nodes) : graph_(graph), nodes_(nodes) {
        inputs.push_back(nodes.input);
        if (nodes.residual != kNoValue) inputs.push_back(nodes.residual);
        outputs = nodes.outs;
        if (nodes.sum != kNoValue) outputs.push_back(nodes.sum);
        const afs_value x = read<afs_value>(graph.values[nodes.input]);
        per_row = x.dims[0] == AFS_DIM_ROWS;
        columns_ = read<afs_value>(graph.values[nodes.weights[0]]).dims[1];
        made_bytes_ =
            is_made() ? (uint64_t{nodes.n_vectors} * static_cast<uint64_t>(columns_) * 2 + 255) /
                            256 * 256
                      : 0;
        workspace_bytes = made_bytes_ + product_workspace_bytes(nodes.n_vectors);
        state_bytes = product_state_bytes();
    }

    Status bind(const Bound& bound, void* state) override {
        if (nodes_.n_vectors == 0) return {};
        char* const workspace = static_cast<char*>(bound.workspace);
        ProductArgs args;
        args.x = bound.tensors[nodes_.input];
        if (is_made()) {
            input_ = lead_in(graph_, nodes_, bound);
            for (const uint32_t value : {nodes_.input, nodes_.residual, nodes_.sum})
                if (value != kNoValue) AFS_TRY(expect_close_rows(graph_, value, bound));
            args.x.data = made_ = workspace;
        }
        args.gated = nodes_.gated;
        for (size_t i = 0; i < nodes_.weights.size(); ++i) {
            args.weights[i] = bound.tensors[nodes_.weights[i]];
            const afs_tensor& weight = args.weights[i];
            const auto bytes = static_cast<uint64_t>(weight.dims[0] * weight.dims[1]) * 2;
            ahead_.at[i] = static_cast<const char*>(weight.data);
            ahead_.bytes[i] = static_cast<uint32_t>(
                std::min(bytes, kAheadBytes / nodes_.weights.size()) / 16 * 16);
        }
        for (size_t i = 0; i < nodes_.outs.size(); ++i) args.out[i] = bound.tensors[nodes_.outs[i]];
        if (!product_fits(args))
            return Status(Code::internal,
                          std::string("the operands of '") + graph_.values[nodes_.outs[0]]->tag +
                              "' lie where the copy engine cannot read them: expected rows that "
                              "start on 16 bytes");
        return product_prepare(args, workspace + made_bytes_, state, prepared_);
    }

    Status exec(const afs_step&, bool early, cudaStream_t stream) override {
        if (nodes_.n_vectors == 0) return {};
        if (is_made()) {
            AFS_TRY(lead_in_launch(input_, nodes_.n_vectors, static_cast<int32_t>(columns_),
                                   prepared_.dtype, made_, ahead_, early, stream));
            early = true;
        }
        return product_launch(prepared_, early, stream);
    }

private:
    bool is_made() const {
        return nodes_.post_norm != kNoValue || nodes_.residual != kNoValue ||
               nodes_.norm != kNoValue;
    }

    const afs_graph& graph_;
    ProductNodes nodes_;
    int64_t columns_ = 0;
    uint64_t made_bytes_ = 0;
    void* made_ = nullptr;  // [n_vectors, columns]
    StreamInput input_;
    Ahead ahead_{};
    PreparedProduct prepared_{};
};

}  // namespace

Status expect_close_rows(const afs_graph& graph, uint32_t value, const Bound& bound) {
    const afs_tensor& t = bound.tensors[value];
    if (t.strides[0] == t.dims[1]) return {};
    return Status(Code::internal, std::string("'") + graph.values[value]->tag +
                                      "' has gaps between its rows: expected none");
}

std::unique_ptr<Stage> make_product_stage(const afs_graph& graph, const ProductNodes& nodes) {
    return std::make_unique<ProductStage>(graph, nodes);
}

}  // namespace afs::cuda
