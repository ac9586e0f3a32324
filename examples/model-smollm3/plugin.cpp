// SmolLM3 as a model family of its own, outside the tree. A pre-norm decoder like Llama
// (HF models/smollm3/modeling_smollm3.py), but for one thing:
//   - every fourth layer has no position in it (NoPE): query and key go to attention unrotated.
//     Which ones, no_rope_layers says, one number a layer: 1 rotates, 0 does not.
#include "afs/plugin/decoder/source.hpp"
#include "afs/plugin/decoder/weight_table.hpp"
#include "afs/plugin/model.hpp"

namespace smollm3 {
namespace {

using afs::DecoderConfig;
using afs::GraphBuilder;
using Value = GraphBuilder::Value;

constexpr afs::FamilyNames kNames = {"smollm3", "SmolLM3ForCausalLM", "smollm3"};
constexpr int64_t kEveryFourth = 4;  // where the configuration says nothing

// The decoder's sizes, and which layers rotate.
struct Config {
    DecoderConfig decoder;
    std::vector<bool> rotates;  // [n_layers]
};

afs::Result<Config> parse_config(const afs_model_source& source) {
    if (source.is_gguf) return afs::unsupported("SmolLM3 is read from Hugging Face's files only");
    Config c;
    AFS_ASSIGN(c.decoder, afs::parse_decoder(source, kNames));
    const uint32_t n = c.decoder.n_layers;
    afs::HfConfig in(source.config_json, "config.json");
    in.refuse("use_sliding_window", {false}, "windowed attention is not part of this family");
    const int64_t interval = in.count("no_rope_layer_interval", 1024, kEveryFourth);
    for (uint32_t i = 0; i < n; ++i) c.rotates.push_back((i + 1) % interval != 0);
    if (const afs::HfConfig::Json* list = in.get("no_rope_layers")) {
        if (!list->is_array() || list->size() < n)
            in.expected("no_rope_layers", list, "a number for each layer");
        else
            for (uint32_t i = 0; i < n; ++i) c.rotates[i] = (*list)[i] == 1;
    }
    AFS_TRY(in.status());
    return c;
}

void declare_weights(GraphBuilder& g, const DecoderConfig& c) {
    const int64_t d = c.hidden_dim, q = c.q_dim(), kv = c.kv_dim(), f = c.ffn_dim;
    afs::WeightTable w(g, c);
    w.embedding();
    for (uint32_t i = 0; i < c.n_layers; ++i) {
        g.layer(static_cast<int32_t>(i));
        w.layer("attn.norm", "input_layernorm", "", {d});
        w.layer("attn.q", "self_attn.q_proj", "", {q, d}, AFS_SPLIT_HEADS);
        w.layer("attn.k", "self_attn.k_proj", "", {kv, d}, AFS_SPLIT_HEADS);
        w.layer("attn.v", "self_attn.v_proj", "", {kv, d}, AFS_SPLIT_HEADS);
        w.layer("attn.out", "self_attn.o_proj", "", {d, q}, AFS_SPLIT_COLS);
        w.layer("mlp.norm", "post_attention_layernorm", "", {d});
        w.layer("mlp.gate", "mlp.gate_proj", "", {f, d}, AFS_SPLIT_ROWS);
        w.layer("mlp.up", "mlp.up_proj", "", {f, d}, AFS_SPLIT_ROWS);
        w.layer("mlp.down", "mlp.down_proj", "", {d, f}, AFS_SPLIT_COLS);
    }
    w.head();
}

struct Params {
    afs_rms_norm_params norm;
    afs_rope_params rope;
    afs_attention_params attention;
    uint32_t kv_group;
};

// h[n_tokens, hidden_dim] -> same
Value layer(GraphBuilder& g, const Params& p, bool rotates, Value h) {
    const Value attn = g.rms_norm("attn.norm", h, p.norm);
    const Value q = g.linear("attn.q", attn);  // [n_tokens, n_heads * head_dim]
    const Value k = g.linear("attn.k", attn);  // [n_tokens, n_kv_heads * head_dim]
    const Value v = g.linear("attn.v", attn);
    const Value query = rotates ? g.rope("attn.q_rope", q, p.rope) : q;
    const Value key = rotates ? g.rope("attn.k_rope", k, p.rope) : k;
    const Value kv = g.kv_append("attn.kv", key, v, p.kv_group);
    const Value ctx = g.attention("attn.ctx", query, kv, p.attention);
    const Value out = g.linear("attn.out", ctx);
    const Value mid = g.add("attn.residual", h, out);

    const Value mlp = g.rms_norm("mlp.norm", mid, p.norm);
    const Value gate = g.linear("mlp.gate", mlp);  // [n_tokens, ffn_dim]
    const Value up = g.linear("mlp.up", mlp);
    const Value act = g.swiglu("mlp.act", gate, up);
    const Value down = g.linear("mlp.down", act);
    return g.add("mlp.residual", mid, down);
}

void build_graph(GraphBuilder& g, const Config& config) {
    const DecoderConfig& c = config.decoder;
    Params p = {afs::make<afs_rms_norm_params>(), c.rope, c.attention(), 0};
    p.norm.eps = c.rms_eps;
    p.rope.table_in_act_dtype = 1;
    p.kv_group = g.kv_group(c.n_layers, c.n_kv_heads, c.head_dim);

    Value h = g.embed("embed");
    for (uint32_t i = 0; i < c.n_layers; ++i) {
        g.layer(static_cast<int32_t>(i));
        h = layer(g, p, config.rotates[i], h);
    }
    g.layer(GraphBuilder::kOutside);
    const Value rows = g.select_rows("final.rows", h);  // [n_rows, hidden_dim]
    const Value norm = g.rms_norm("final.norm", rows, p.norm);
    const Value head = g.find(c.tied ? "embed.weight" : "lm_head.weight");
    const Value logits = g.linear("logits", norm, head);  // [n_rows, vocab_size]
    g.output(logits);
    g.output(g.sample("sampled", logits));
}

class SmolLm3 final : public afs::ModelArchitecture {
public:
    static afs::Result<std::unique_ptr<afs::ModelArchitecture>> create(const afs::OpenArgs&) {
        return std::unique_ptr<afs::ModelArchitecture>(new SmolLm3);
    }
    int score(const afs_model_source& source) override {
        return source.is_gguf ? 0 : afs::score_decoder(source, kNames);
    }
    afs::Result<const afs_graph*> build(const afs_model_source& source,
                                        afs_model_info& info) override {
        AFS_ASSIGN(config_, parse_config(source));
        graphs_.push_back(std::make_unique<GraphBuilder>(source.dtype));
        declare_weights(*graphs_.back(), config_.decoder);
        build_graph(*graphs_.back(), config_);
        config_.decoder.fill("smollm3", info);
        return graphs_.back()->finish();
    }

private:
    Config config_;
    std::vector<std::unique_ptr<GraphBuilder>> graphs_;  // each lives until close
};

}  // namespace
}  // namespace smollm3

AFS_MODEL_PLUGIN(smollm3::SmolLm3, "smollm3", "0.1", "Apache-2.0");
