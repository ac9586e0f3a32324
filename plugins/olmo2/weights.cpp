// OLMo-2's weight table: tags, the tensors' names in the checkpoint, [rows, columns], split axis.
#include "model.hpp"

#include "afs/plugin/decoder/weight_table.hpp"

namespace olmo2 {

void declare_weights(afs::GraphBuilder& g, const afs::DecoderConfig& c) {
    const int64_t d = c.hidden_dim, q = c.q_dim(), kv = c.kv_dim(), f = c.ffn_dim;
    constexpr int32_t heads = AFS_SPLIT_HEADS, rows = AFS_SPLIT_ROWS, cols = AFS_SPLIT_COLS;

    afs::WeightTable w(g, c);
    w.embedding();
    for (uint32_t i = 0; i < c.n_layers; ++i) {
        g.layer(static_cast<int32_t>(i));
        w.layer("attn.q", "self_attn.q_proj", "attn_q", {q, d}, heads);
        w.layer("attn.k", "self_attn.k_proj", "attn_k", {kv, d}, heads);
        w.layer("attn.v", "self_attn.v_proj", "attn_v", {kv, d}, heads);
        w.layer("attn.q_norm", "self_attn.q_norm", "attn_q_norm", {q}, heads);
        w.layer("attn.k_norm", "self_attn.k_norm", "attn_k_norm", {kv}, heads);
        w.layer("attn.out", "self_attn.o_proj", "attn_output", {d, q}, cols);
        w.layer("attn.post_norm", "post_attention_layernorm", "post_attention_norm", {d});
        w.layer("mlp.gate", "mlp.gate_proj", "ffn_gate", {f, d}, rows);
        w.layer("mlp.up", "mlp.up_proj", "ffn_up", {f, d}, rows);
        w.layer("mlp.down", "mlp.down_proj", "ffn_down", {d, f}, cols);
        w.layer("mlp.post_norm", "post_feedforward_layernorm", "post_ffw_norm", {d});
    }
    w.head();
}

}  // namespace olmo2
