// From the products of q, k and v to attention's output in one launch; or to what a prompt's
// attention reads.
#include "step/stage.hpp"

namespace afs::cuda {
namespace {

Node node_of(const afs_graph& graph, uint32_t index) {
    afs_query query = make<afs_query>();
    query.graph = &graph;
    query.node = index;
    return Node(query);
}

// Of the query heads together: from here on the products before take longer than a rehearsal.
constexpr uint32_t kRehearsedWidth = 1024;

class AttentionStage final : public Stage {
public:
    AttentionStage(const afs_graph& graph, const AttentionNodes& nodes)
        : graph_(graph), nodes_(nodes) {
        inputs = {nodes.q, nodes.k, nodes.v};
        outputs = {nodes.out};
        args_.params = node_of(graph, nodes.attention).params<afs_attention_params>();
        const auto rope = node_of(graph, nodes.rope).params<afs_rope_params>();
        entry_.frequencies = rope_frequencies(rope);
        entry_.table_in_act_dtype = rope.table_in_act_dtype;
        if (nodes.attends) {
            workspace_bytes = attention_split_bytes(args_.params);
            state_bytes = attention_split_state();
        }
        entry_.rehearse = args_.params.n_heads * args_.params.head_dim >= kRehearsedWidth;
    }

    Status bind(const Bound& bound, void* state) override {
        if (nodes_.attends) {
            args_.split_sums = static_cast<float*>(bound.workspace);
            args_.split_arrived = static_cast<uint32_t*>(state);
        }
        const afs_kv& kv = bound.cache(read<afs_value>(graph_.values[nodes_.cache]));
        args_.layout = read<afs_kv_layout>(kv.layout);
        args_.k = kv.k, args_.v = kv.v;
        args_.q = bound.tensors[nodes_.q];
        args_.out = bound.tensors[nodes_.out];
        entry_.k = bound.tensors[nodes_.k];
        entry_.v = bound.tensors[nodes_.v];
        norm(nodes_.q_norm, bound, entry_.q_norm, entry_.q_eps, entry_.q_before_cast);
        norm(nodes_.k_norm, bound, entry_.k_norm, entry_.k_eps, entry_.k_before_cast);
        if (nodes_.attends ? !attention_decode_fits(args_) : !attention_is_wide(args_))
            return Status(Code::internal, std::string("the cache of '") +
                                              graph_.values[nodes_.out]->tag +
                                              "' lies where it cannot be read 16 bytes at a time");
        return {};
    }

    Status exec(const afs_step& step, bool early, cudaStream_t stream) override {
        args_.step = step;
        args_.stream = stream;
        return nodes_.attends ? attention_decode(args_, &entry_, early)
                              : attention_entry(args_, entry_, early);
    }

private:
    void norm(uint32_t index, const Bound& bound, const void*& weight, float& eps,
              int32_t& before_cast) const {
        if (index == kNoValue) return;
        const Node node = node_of(graph_, index);
        const auto params = node.params<afs_rms_norm_params>();
        weight = bound.tensors[node.input_id(1)].data;
        eps = params.eps;
        before_cast = params.weight_before_cast;
    }

    const afs_graph& graph_;
    AttentionNodes nodes_;
    AttentionArgs args_{};
    AttentionEntry entry_{};
};

}  // namespace

std::unique_ptr<Stage> make_attention_stage(const afs_graph& graph, const AttentionNodes& nodes) {
    return std::make_unique<AttentionStage>(graph, nodes);
}

}  // namespace afs::cuda
