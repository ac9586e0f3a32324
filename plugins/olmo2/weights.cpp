// OLMo-2's weight table: tags, the tensors' names in the checkpoint, [rows, columns], split axis.
#include "model.hpp"

namespace olmo2 {

void declare_weights(afs::GraphBuilder& g, const afs::DecoderConfig& c) {
    const int64_t d = c.hidden_dim, q = c.q_dim(), kv = c.kv_dim(), f = c.ffn_dim;
    const std::string attn = "model.layers.{}.self_attn.", mlp = "model.layers.{}.mlp.",
                      layer = "model.layers.{}.", head = "lm_head.weight";

    g.weight({"embed.weight",
              "model.embed_tokens.weight",
              {c.vocab_size, d},
              AFS_SPLIT_NONE,
              0,
              c.tied ? head : ""});
    for (uint32_t i = 0; i < c.n_layers; ++i) {
        g.layer(static_cast<int32_t>(i));
        g.weight({"attn.q.weight", attn + "q_proj.weight", {q, d}, AFS_SPLIT_HEADS, c.head_dim});
        g.weight({"attn.k.weight", attn + "k_proj.weight", {kv, d}, AFS_SPLIT_HEADS, c.head_dim});
        g.weight({"attn.v.weight", attn + "v_proj.weight", {kv, d}, AFS_SPLIT_HEADS, c.head_dim});
        g.weight({"attn.q_norm.weight", attn + "q_norm.weight", {q}, AFS_SPLIT_HEADS, c.head_dim});
        g.weight({"attn.k_norm.weight", attn + "k_norm.weight", {kv}, AFS_SPLIT_HEADS, c.head_dim});
        g.weight({"attn.out.weight", attn + "o_proj.weight", {d, q}, AFS_SPLIT_COLS});
        g.weight({"attn.post_norm.weight", layer + "post_attention_layernorm.weight", {d}});
        g.weight({"mlp.gate.weight", mlp + "gate_proj.weight", {f, d}, AFS_SPLIT_ROWS});
        g.weight({"mlp.up.weight", mlp + "up_proj.weight", {f, d}, AFS_SPLIT_ROWS});
        g.weight({"mlp.down.weight", mlp + "down_proj.weight", {d, f}, AFS_SPLIT_COLS});
        g.weight({"mlp.post_norm.weight", layer + "post_feedforward_layernorm.weight", {d}});
    }
    g.layer(afs::GraphBuilder::kOutside);
    g.weight({"final.norm.weight", "model.norm.weight", {d}});
    if (!c.tied) g.weight({"lm_head.weight", head, {c.vocab_size, d}, AFS_SPLIT_ROWS});
    g.ignore_tensors("*.rotary_emb.inv_freq");
}

}  // namespace olmo2
