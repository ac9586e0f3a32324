// OLMo-2, against a plain pre-norm decoder (HF models/olmo2/modular_olmo2.py):
//   - no norm before attention or MLP; RMSNorm of each block's *output*, before the residual add;
//   - q and k are RMS-normed over the whole projected row (all heads together, so with grouped
//     heads k's weight is narrower than q's), before the split into heads and before RoPE;
//   - every RMSNorm multiplies its weight in fp32 and rounds once;
//   - RoPE has fp32 tables and fp32 arithmetic and rounds once.
#include "model.hpp"

namespace olmo2 {

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
    const Value q = g.linear("attn.q", h);  // [n_tokens, n_heads * head_dim]
    const Value k = g.linear("attn.k", h);  // [n_tokens, n_kv_heads * head_dim]
    const Value v = g.linear("attn.v", h);
    const Value q_norm = g.rms_norm("attn.q_norm", q, p.norm);
    const Value k_norm = g.rms_norm("attn.k_norm", k, p.norm);
    const Value q_rope = g.rope("attn.q_rope", q_norm, p.rope);
    const Value k_rope = g.rope("attn.k_rope", k_norm, p.rope);
    const Value kv = g.kv_append("attn.kv", k_rope, v, p.kv_group);
    const Value ctx = g.attention("attn.ctx", q_rope, kv, p.attention);
    const Value out = g.linear("attn.out", ctx);
    const Value attn = g.rms_norm("attn.post_norm", out, p.norm);
    const Value mid = g.add("attn.residual", h, attn);

    const Value gate = g.linear("mlp.gate", mid);  // [n_tokens, ffn_dim]
    const Value up = g.linear("mlp.up", mid);
    const Value act = g.swiglu("mlp.act", gate, up);
    const Value down = g.linear("mlp.down", act);
    const Value mlp = g.rms_norm("mlp.post_norm", down, p.norm);
    return g.add("mlp.residual", mid, mlp);
}

}  // namespace

void build_graph(GraphBuilder& g, const DecoderConfig& c) {
    Params p = {afs::make<afs_rms_norm_params>(), c.rope, c.attention(), 0};
    p.norm.eps = c.rms_eps;
    p.norm.weight_before_cast = 1;
    p.rope.table_in_act_dtype = 0;
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

}  // namespace olmo2
