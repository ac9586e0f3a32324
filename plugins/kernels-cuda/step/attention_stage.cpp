// From the products of q, k and v to attention's output in one launch; or to what a prompt's
// attention reads.
#include "step/stage.hpp"

namespace afs::cuda {
namespace {

// Of the query heads together: from here on the products before take longer than a rehearsal.
constexpr uint32_t kRehearsedWidth = 1024;

// A norm's weight and parameters; nothing where there is none.
void bind_norm(const afs_graph& graph, uint32_t index, const Bound& bound, const void*& weight,
               float& eps, int32_t& before_cast) {
    if (index == kNoValue) return;
    const Node node = node_of(graph, index);
    const auto params = node.params<afs_rms_norm_params>();
    weight = bound.tensors[node.input_id(1)].data;
    eps = params.eps;
    before_cast = params.weight_before_cast;
}

class AttentionStage final : public Stage {
public:
    AttentionStage(const afs_graph& graph, const AttentionNodes& nodes)
        : graph_(graph), nodes_(nodes) {
        inputs = {nodes.q, nodes.k, nodes.v};
        outputs = {nodes.out};
        if (!nodes.attends) return;
        const auto params = node_of(graph, nodes.attention).params<afs_attention_params>();
        workspace_bytes = attention_split_bytes(params);
        state_bytes = attention_split_state();
    }

    Status bind(const Bound& bound, void* state) override {
        if (nodes_.attends) {
            args_.split_sums = static_cast<float*>(bound.workspace);
            args_.split_arrived = static_cast<uint32_t*>(state);
        }
        return bind_attention(graph_, nodes_, bound, args_, entry_);
    }

    Status exec(const afs_step& step, bool early, cudaStream_t stream) override {
        args_.step = step;
        args_.stream = stream;
        return nodes_.attends ? attention_decode(args_, &entry_, early)
                              : attention_entry(args_, entry_, early);
    }

private:
    const afs_graph& graph_;
    AttentionNodes nodes_;
    AttentionArgs args_{};
    AttentionEntry entry_{};
};

}  // namespace

Node node_of(const afs_graph& graph, uint32_t index) {
    afs_query query = make<afs_query>();
    query.graph = &graph;
    query.node = index;
    return Node(query);
}

Status bind_attention(const afs_graph& graph, const AttentionNodes& nodes, const Bound& bound,
                      AttentionArgs& args, AttentionEntry& entry) {
    args.params = node_of(graph, nodes.attention).params<afs_attention_params>();
    const auto rope = node_of(graph, nodes.rope).params<afs_rope_params>();
    entry.frequencies = rope_frequencies(rope);
    entry.table_in_act_dtype = rope.table_in_act_dtype;
    entry.rehearse = args.params.n_heads * args.params.head_dim >= kRehearsedWidth;
    const afs_kv& kv = bound.cache(read<afs_value>(graph.values[nodes.cache]));
    args.layout = read<afs_kv_layout>(kv.layout);
    args.k = kv.k, args.v = kv.v;
    args.q = bound.tensors[nodes.q];
    args.out = bound.tensors[nodes.out];
    entry.k = bound.tensors[nodes.k];
    entry.v = bound.tensors[nodes.v];
    bind_norm(graph, nodes.q_norm, bound, entry.q_norm, entry.q_eps, entry.q_before_cast);
    bind_norm(graph, nodes.k_norm, bound, entry.k_norm, entry.k_eps, entry.k_before_cast);
    if (nodes.attends ? !attention_decode_fits(args) : !attention_is_wide(args))
        return Status(Code::internal, std::string("the cache of '") + graph.values[nodes.out]->tag +
                                          "' lies where it cannot be read 16 bytes at a time");
    return {};
}

std::unique_ptr<Stage> make_attention_stage(const afs_graph& graph, const AttentionNodes& nodes) {
    return std::make_unique<AttentionStage>(graph, nodes);
}

}  // namespace afs::cuda
