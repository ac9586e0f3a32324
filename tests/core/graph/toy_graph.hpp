// A small graph that uses every op, both families' shapes in one: grouped heads, q/k norm, a tied
// head. And a copy of a graph whose every field may be changed.
#pragma once
#include <cstring>
#include <deque>
#include <vector>

#include "afs/graph_builder.hpp"

namespace afs::test {

inline void build_toy(afs::GraphBuilder& g, int32_t n_layers = 2) {
    using Value = afs::GraphBuilder::Value;
    const int64_t vocab = 50, d = 24, q_dim = 32, kv_dim = 16, f = 40;
    auto norm = afs::make<afs_rms_norm_params>();
    norm.eps = 1e-5f;
    auto rope = afs::make<afs_rope_params>();
    rope.head_dim = 8;
    rope.theta = 500000;
    rope.scaling = AFS_ROPE_LLAMA3;
    rope.factor = 8;
    rope.low_freq_factor = 1;
    rope.high_freq_factor = 4;
    rope.original_max_position = 8192;
    auto attention = afs::make<afs_attention_params>();
    attention.n_heads = 4;
    attention.n_kv_heads = 2;
    attention.head_dim = 8;
    attention.scale = 0.35f;

    const uint32_t group = g.kv_group(static_cast<uint32_t>(n_layers), 2, 8);
    g.weight({"embed.weight", "embed|tok", {vocab, d}, AFS_SPLIT_NONE, 0, "head"});
    g.weight({"final.norm.weight", "norm", {d}});
    Value h = g.embed("embed");
    for (int32_t i = 0; i < n_layers; ++i) {
        g.layer(i);
        g.weight({"q.weight", "{}.q", {q_dim, d}, AFS_SPLIT_HEADS, 8});
        g.weight(
            {"k.weight", "{}.k", {kv_dim, d}, AFS_SPLIT_HEADS, 8, "", AFS_LOAD_UNINTERLEAVE_HEADS});
        g.weight({"v.weight", "{}.v", {kv_dim, d}, AFS_SPLIT_HEADS, 8});
        g.weight({"k_norm.weight", "{}.k_norm", {kv_dim}});
        g.weight({"out.weight", "{}.o", {d, q_dim}, AFS_SPLIT_COLS});
        g.weight({"gate.weight", "{}.gate", {f, d}, AFS_SPLIT_ROWS});
        g.weight({"up.weight", "{}.up", {f, d}, AFS_SPLIT_ROWS});
        g.weight({"down.weight", "{}.down", {d, f}, AFS_SPLIT_COLS});
        const Value q = g.linear("q", h);
        const Value k = g.linear("k", h);
        const Value v = g.linear("v", h);
        const Value k_rope = g.rope("k_rope", g.rms_norm("k_norm", k, norm), rope);
        const Value q_rope = g.rope("q_rope", q, rope);
        const Value cache = g.kv_append("kv", k_rope, v, group);
        const Value out = g.linear("out", g.attention("ctx", q_rope, cache, attention));
        const Value mid = g.add("mid", h, out);
        const Value gate = g.linear("gate", mid);
        const Value up = g.linear("up", mid);
        const Value act = g.swiglu("act", gate, up);
        h = g.add("residual", mid, g.linear("down", act));
    }
    g.layer(afs::GraphBuilder::kOutside);
    const Value rows = g.rms_norm("final.norm", g.select_rows("rows", h), norm);
    const Value logits = g.linear("logits", rows, g.find("embed.weight"));
    g.output(logits);
    g.output(g.sample("sampled", logits));
    g.ignore_tensors("*.inv_freq");
}

// Every struct of a graph, copied once; change any, then ask for graph().
struct OpenGraph {
    union Params {
        afs_rms_norm_params norm;
        afs_rope_params rope;
        afs_attention_params attention;
    };
    explicit OpenGraph(const afs_graph& of) : graph(of) {
        for (uint32_t i = 0; i < of.n_values; ++i) values.push_back(*of.values[i]);
        for (uint32_t i = 0; i < of.n_weights; ++i) weights.push_back(*of.weights[i]);
        for (uint32_t i = 0; i < of.n_kv_groups; ++i) groups.push_back(*of.kv_groups[i]);
        outputs.assign(of.outputs, of.outputs + of.n_outputs);
        for (uint32_t i = 0; i < of.n_nodes; ++i) {
            afs_node node = *of.nodes[i];
            inputs.emplace_back(node.inputs, node.inputs + node.n_inputs);
            node.inputs = inputs.back().data();
            params.emplace_back();
            std::memset(&params.back(), 0, sizeof(Params));
            if (node.params) {
                uint32_t size;
                std::memcpy(&size, node.params, sizeof size);
                std::memcpy(&params.back(), node.params, size);
                node.params = &params.back();
            }
            nodes.push_back(node);
        }
        for (auto& v : values) value_list.push_back(&v);
        for (auto& n : nodes) node_list.push_back(&n);
        for (auto& w : weights) weight_list.push_back(&w);
        for (auto& k : groups) group_list.push_back(&k);
        graph.values = value_list.data();
        graph.nodes = node_list.data();
        graph.weights = weight_list.data();
        graph.kv_groups = group_list.data();
        graph.outputs = outputs.data();
    }
    OpenGraph(const OpenGraph&) = delete;

    afs_value& value(const char* tag) {
        for (auto& v : values)
            if (std::strcmp(v.tag, tag) == 0) return v;
        throw std::runtime_error(tag);
    }
    size_t node_index(const char* tag) const {
        for (size_t i = 0; i < nodes.size(); ++i)
            if (std::strcmp(values[nodes[i].output].tag, tag) == 0) return i;
        throw std::runtime_error(tag);
    }
    afs_node& node(const char* tag) { return nodes[node_index(tag)]; }
    std::vector<uint32_t>& inputs_of(const char* tag) { return inputs[node_index(tag)]; }
    Params& params_of(const char* tag) { return params[node_index(tag)]; }

    afs_graph graph;
    std::deque<afs_value> values;
    std::deque<afs_node> nodes;
    std::deque<afs_weight> weights;
    std::deque<afs_kv_group> groups;
    std::deque<std::vector<uint32_t>> inputs;
    std::deque<Params> params;
    std::vector<uint32_t> outputs;
    std::vector<const afs_value*> value_list;
    std::vector<const afs_node*> node_list;
    std::vector<const afs_weight*> weight_list;
    std::vector<const afs_kv_group*> group_list;
};

}  // namespace afs::test
