// A decoder's weight table, one line a weight, with the names that Hugging Face and GGUF give its
// tensors:
//   WeightTable w(g, c);
//   w.embedding();
//   for each layer { g.layer(i); w.layer("attn.q", "self_attn.q_proj", "attn_q", {q, d}, heads); }
//   w.head();
// Tags and names are without ".weight". C++17.
#pragma once
#include <string>
#include <vector>

#include "afs/graph_builder.hpp"
#include "afs/plugin/decoder/config.hpp"

namespace afs {

class WeightTable {
public:
    WeightTable(GraphBuilder& g, const DecoderConfig& c) : g_(g), c_(c) {}

    void embedding() {
        g_.weight({"embed.weight",
                   name("model.embed_tokens", "token_embd"),
                   {c_.vocab_size, c_.hidden_dim},
                   AFS_SPLIT_NONE,
                   0,
                   c_.tied ? lm_head() : ""});
    }
    void layer(const std::string& tag, const std::string& hf, const std::string& gguf,
               const std::vector<int64_t>& dims, int32_t split = AFS_SPLIT_NONE,
               int32_t transform = AFS_LOAD_AS_IS) {
        const uint32_t head_dim = split == AFS_SPLIT_HEADS ? c_.head_dim : 0;
        g_.weight({tag + ".weight", name("model.layers.{}." + hf, "blk.{}." + gguf), dims, split,
                   head_dim, "", transform});
    }
    // What follows the layers; also names the tensors that a file may have beyond the table:
    // frequencies, which the configuration gives.
    void head() {
        g_.layer(GraphBuilder::kOutside);
        g_.weight({"final.norm.weight", name("model.norm", "output_norm"), {c_.hidden_dim}});
        if (!c_.tied)
            g_.weight(
                {"lm_head.weight", lm_head(), {c_.vocab_size, c_.hidden_dim}, AFS_SPLIT_ROWS});
        g_.ignore_tensors(c_.is_gguf ? "rope_freqs.weight|*.attn_rot_embd.weight"
                                     : "*.rotary_emb.inv_freq");
    }

private:
    std::string name(const std::string& hf, const std::string& gguf) const {
        return (c_.is_gguf ? gguf : hf) + ".weight";
    }
    std::string lm_head() const { return name("lm_head", "output"); }

    GraphBuilder& g_;
    const DecoderConfig& c_;
};

}  // namespace afs
