// Products of many vectors, each of what the one before made, in one launch.
#include "chain/chain.hpp"
#include "step/stage.hpp"

namespace afs::cuda {
namespace {

// Workspace handed out piece by piece; without a base it only counts.
class Pieces {
public:
    explicit Pieces(void* base) : base_(static_cast<char*>(base)) {}
    void* take(uint64_t bytes) {
        char* const at = base_ ? base_ + used_ : nullptr;
        used_ += (bytes + 255) / 256 * 256;
        return at;
    }
    uint64_t used() const { return used_; }

private:
    char* base_;
    uint64_t used_ = 0;
};

class ChainStage final : public Stage {
public:
    ChainStage(const afs_graph& graph, const std::vector<ProductNodes>& links)
        : graph_(graph), links_(links) {
        inputs.push_back(links[0].input);
        for (const ProductNodes& link : links) {
            if (link.residual != kNoValue) inputs.push_back(link.residual);
            if (link.sum != kNoValue) outputs.push_back(link.sum);
        }
        outputs.insert(outputs.end(), links.back().outs.begin(), links.back().outs.end());
        Pieces pieces(nullptr);
        arrange(pieces, nullptr);
        workspace_bytes = pieces.used();
        state_bytes = chain_state_bytes();
    }

    Status bind(const Bound& bound, void* state) override {
        for (const ProductNodes& link : links_)
            for (const uint32_t value : {link.residual, link.sum})
                if (value != kNoValue) AFS_TRY(expect_close_rows(graph_, value, bound));
        Pieces pieces(bound.workspace);
        const std::vector<LinkArgs> links = arrange(pieces, &bound);
        for (const LinkArgs& link : links)
            if (!product_fits(link.product))
                return Status(Code::internal,
                              std::string("the operands of '") +
                                  graph_.values[links_.back().outs[0]]->tag +
                                  "' lie where the copy engine cannot read them: expected rows "
                                  "that start on 16 bytes");
        return chain_prepare(links, bound.workspace, state, prepared_);
    }

    Status exec(const afs_step&, bool early, cudaStream_t stream) override {
        return chain_launch(prepared_, early, stream);
    }

private:
    int64_t width(uint32_t value) const { return read<afs_value>(graph_.values[value]).dims[1]; }
    afs_tensor rows(void* data, int64_t width) const {
        afs_tensor t{};
        t.dtype = AFS_BF16;
        t.rank = 2;
        t.data = data;
        t.dims[0] = links_[0].n_vectors;
        t.dims[1] = t.strides[0] = width;
        t.dims[2] = t.dims[3] = t.strides[1] = t.strides[2] = t.strides[3] = 1;
        return t;
    }
    // Each link's operands; what only links know lies in the workspace, behind a product's own.
    std::vector<LinkArgs> arrange(Pieces& pieces, const Bound* bound) const {
        const uint64_t n = links_[0].n_vectors;
        pieces.take(product_workspace_bytes(links_[0].n_vectors));
        std::vector<LinkArgs> made(links_.size());
        for (size_t l = 0; l < links_.size(); ++l) {
            const ProductNodes& nodes = links_[l];
            const bool is_last = l + 1 == links_.size();
            LinkArgs& link = made[l];
            ProductArgs& product = link.product;
            if (bound) {
                for (size_t w = 0; w < nodes.weights.size(); ++w)
                    product.weights[w] = bound->tensors[nodes.weights[w]];
                if (l == 0) product.x = bound->tensors[nodes.input];
            }
            product.gated = nodes.gated;
            if (is_last) {
                for (size_t w = 0; bound && w < nodes.outs.size(); ++w)
                    product.out[w] = bound->tensors[nodes.outs[w]];
                continue;
            }
            const ProductNodes& next = links_[l + 1];
            const int64_t columns = width(nodes.outs[0]);
            const uint64_t bytes = n * static_cast<uint64_t>(columns) * 2;
            LinkArgs& after = made[l + 1];
            if (next.residual == kNoValue) {
                product.out[0] = after.product.x = rows(pieces.take(bytes), columns);
                continue;
            }
            Entering& entering = link.entering;
            entering.next = pieces.take(bytes);
            entering.squares = static_cast<float*>(pieces.take(
                sizeof(float) * kChainTokens * static_cast<uint64_t>(square_parts(columns))));
            if (next.sum == kNoValue) entering.sum = pieces.take(bytes);
            after.product.x = rows(entering.next, columns);
            after.squares = entering.squares;
            if (!bound) continue;
            const StreamInput input = lead_in(graph_, next, *bound);
            entering.residual = input.residual;
            if (next.sum != kNoValue) entering.sum = input.sum;
            entering.norm_weight = input.norm.weight;
            after.eps = input.norm.eps;
            product.out[0] = rows(entering.sum, columns);
        }
        return made;
    }

    const afs_graph& graph_;
    std::vector<ProductNodes> links_;
    PreparedChain prepared_{};
};

}  // namespace

std::unique_ptr<Stage> make_chain_stage(const afs_graph& graph,
                                        const std::vector<ProductNodes>& links) {
    return std::make_unique<ChainStage>(graph, links);
}

}  // namespace afs::cuda
