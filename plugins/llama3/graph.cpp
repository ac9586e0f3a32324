// Llama 3, the plain pre-norm decoder (HF models/llama/modeling_llama.py):
//   - RMSNorm before attention and before the MLP; its output is rounded, then multiplied by the
//     weight and rounded again;
//   - RoPE has its tables rounded to the activation dtype and rounds each product; from 3.1 on its
//     frequencies are rescaled, at every length ("llama3", factor 8 in 3.1 and 32 in 3.2);
//   - grouped heads: consecutive query heads share a kv head;
//   - the small ones tie lm_head to the embedding.
#include "model.hpp"

namespace llama3 {

namespace {

using afs::DecoderConfig;
using afs::GraphBuilder;
using Value = GraphBuilder::Value;

struct Params {
    afs_rms_norm_params norm;
    afs_rope_params rope;
    afs_attention_params attention;
    uint32_t kv_group;
};

// h[n_tokens, hidden_dim] -> same
Value layer(GraphBuilder& g, const Params& p, Value h) {
    const Value attn = g.rms_norm("attn.norm", h, p.norm);
    const Value q = g.linear("attn.q", attn);  // [n_tokens, n_heads * head_dim]
    const Value k = g.linear("attn.k", attn);  // [n_tokens, n_kv_heads * head_dim]
    const Value v = g.linear("attn.v", attn);
    const Value q_rope = g.rope("attn.q_rope", q, p.rope);
    const Value k_rope = g.rope("attn.k_rope", k, p.rope);
    const Value kv = g.kv_append("attn.kv", k_rope, v, p.kv_group);
    const Value ctx = g.attention("attn.ctx", q_rope, kv, p.attention);
    const Value out = g.linear("attn.out", ctx);
    const Value mid = g.add("attn.residual", h, out);

    const Value mlp = g.rms_norm("mlp.norm", mid, p.norm);
    const Value gate = g.linear("mlp.gate", mlp);  // [n_tokens, ffn_dim]
    const Value up = g.linear("mlp.up", mlp);
    const Value act = g.swiglu("mlp.act", gate, up);
    const Value down = g.linear("mlp.down", act);
    return g.add("mlp.residual", mid, down);
}

}  // namespace

void build_graph(GraphBuilder& g, const DecoderConfig& c) {
    Params p = {afs::make<afs_rms_norm_params>(), c.rope, c.attention(), 0};
    p.norm.eps = c.rms_eps;
    p.norm.weight_before_cast = 0;
    p.rope.table_in_act_dtype = 1;
    p.kv_group = g.kv_group(c.n_layers, c.n_kv_heads, c.head_dim);

    Value h = g.embed("embed");
    for (uint32_t i = 0; i < c.n_layers; ++i) {
        g.layer(static_cast<int32_t>(i));
        h = layer(g, p, h);
    }
    g.layer(GraphBuilder::kOutside);
    const Value rows = g.select_rows("final.rows", h);  // [n_rows, hidden_dim]
    const Value norm = g.rms_norm("final.norm", rows, p.norm);
    const Value head = g.find(c.tied ? "embed.weight" : "lm_head.weight");
    const Value logits = g.linear("logits", norm, head);  // [n_rows, vocab_size]
    g.output(logits);
    g.output(g.sample("sampled", logits));
}

}  // namespace llama3
