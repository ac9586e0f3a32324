// The products of q, k and v and attention with them: in one launch up to kHeadsMaxContext
// positions, beyond in the two that they are otherwise.
#include "heads/heads.hpp"

#include "step/stage.hpp"

namespace afs::cuda {
namespace {

constexpr uint64_t kAlignment = 16;

class HeadsStage final : public Stage {
public:
    HeadsStage(const afs_graph& graph, ProductNodes product, const AttentionNodes& attention,
               int32_t in_flight)
        : graph_(graph),
          nodes_(in_order(std::move(product), attention)),
          attention_nodes_(attention),
          in_flight_(in_flight),
          product_(make_stream_stage(graph, nodes_, in_flight)),
          attention_(make_attention_stage(graph, attention)) {
        inputs = product_->inputs;
        outputs = product_->outputs;
        outputs.push_back(attention.out);
        workspace_bytes = attention_->workspace_bytes;
        const auto params = node_of(graph, attention.attention).params<afs_attention_params>();
        const auto after = [](uint64_t bytes) {
            return (bytes + kAlignment - 1) / kAlignment * kAlignment;
        };
        attention_state_at_ = after(product_->state_bytes);
        own_state_at_ = attention_state_at_ + after(attention_->state_bytes);
        state_bytes = own_state_at_ + heads_state_bytes(params);
    }

    Status bind(const Bound& bound, void* state) override {
        AFS_TRY(product_->bind(bound, state));
        AFS_TRY(attention_->bind(bound, static_cast<char*>(state) + attention_state_at_));
        AFS_TRY(bind_stream(graph_, nodes_, bound, heads_.product));
        turns = product_->turns;
        heads_.product.turns = {bound.turns_before, turns};
        AFS_TRY(bind_attention(graph_, attention_nodes_, bound, heads_.attention, heads_.entry));
        heads_.state = static_cast<char*>(state) + own_state_at_;
        heads_ring(heads_, in_flight_);
        return {};
    }

    Status exec(const afs_step& step, bool early, cudaStream_t stream) override {
        if (step.max_context > kHeadsMaxContext) {
            AFS_TRY(product_->exec(step, early, stream));
            return attention_->exec(step, true, stream);
        }
        heads_.attention.step = step;
        heads_.attention.stream = stream;
        return heads_launch(heads_, early);
    }

private:
    // q, k and v as heads_launch wants them.
    static ProductNodes in_order(ProductNodes product, const AttentionNodes& attention) {
        const ProductNodes given = product;
        size_t at = 0;
        for (const uint32_t out : {attention.q, attention.k, attention.v}) {
            size_t w = 0;
            while (given.outs[w] != out) ++w;
            product.outs[at] = out;
            product.weights[at++] = given.weights[w];
        }
        product.beside_attention = true;
        return product;
    }

    const afs_graph& graph_;
    ProductNodes nodes_;
    AttentionNodes attention_nodes_;
    int32_t in_flight_;
    std::unique_ptr<Stage> product_, attention_;
    uint64_t attention_state_at_ = 0, own_state_at_ = 0;
    HeadsArgs heads_{};
};

}  // namespace

std::unique_ptr<Stage> make_heads_stage(const afs_graph& graph, const ProductNodes& product,
                                        const AttentionNodes& attention, int32_t in_flight) {
    return std::make_unique<HeadsStage>(graph, product, attention, in_flight);
}

}  // namespace afs::cuda
