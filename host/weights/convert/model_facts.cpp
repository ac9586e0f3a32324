#include "weights/convert/model_facts.hpp"

#include <cmath>
#include <cstring>

#include "afs/kernels.hpp"  // read
#include "afs/rope.hpp"

namespace afs::convert {
namespace {

const afs_value* weight(const afs_graph& graph, const std::string& tag) {
    for (uint32_t i = 0; i < graph.n_weights; ++i) {
        const afs_value* value = graph.values[graph.weights[i]->value];
        if (tag == value->tag) return value;
    }
    return nullptr;
}

const afs_node* first(const afs_graph& graph, const std::string& op) {
    for (uint32_t i = 0; i < graph.n_nodes; ++i)
        if (op == graph.nodes[i]->op && graph.nodes[i]->params) return graph.nodes[i];
    return nullptr;
}

uint32_t size_of(const void* params) {
    uint32_t size = 0;
    if (params) std::memcpy(&size, params, sizeof size);
    return size;
}

}  // namespace

Result<ModelFacts> read_facts(const afs_graph& graph, const afs_model_info& info) {
    const afs_value *embed = weight(graph, "embed.weight"),
                    *gate = weight(graph, "L0.mlp.gate.weight");
    const afs_node *norm = first(graph, "rms_norm/1"), *rope = first(graph, "rope/1"),
                   *attention = first(graph, "attention/1");
    if (!embed || !gate || !norm || !rope || !attention || graph.n_kv_groups != 1 ||
        embed->rank != 2 || gate->rank != 2)
        return unsupported(
            "cannot convert this model: expected a decoder of embedding, rms_norm, rope, attention "
            "and a gated MLP, whose sizes both forms can state");
    const auto heads = read<afs_attention_params>(attention->params);
    ModelFacts facts;
    facts.vocab = embed->dims[0];
    facts.hidden = embed->dims[1];
    facts.ffn = gate->dims[0];
    facts.layers = graph.kv_groups[0]->n_layers;
    facts.heads = heads.n_heads;
    facts.kv_heads = heads.n_kv_heads;
    facts.head_dim = heads.head_dim;
    facts.context = info.context_length;
    facts.eps = read<afs_rms_norm_params>(norm->params).eps;
    facts.rope = read<afs_rope_params>(rope->params);
    facts.tied = !weight(graph, "lm_head.weight");
    return facts;
}

std::string graph_difference(const afs_graph& a, const afs_graph& b) {
    if (a.n_nodes != b.n_nodes || a.n_values != b.n_values || a.n_weights != b.n_weights)
        return "the number of nodes, values or weights";
    for (uint32_t i = 0; i < a.n_values; ++i) {
        const afs_value &x = *a.values[i], &y = *b.values[i];
        const bool same = std::strcmp(x.tag, y.tag) == 0 && x.rank == y.rank &&
                          std::equal(x.dims, x.dims + x.rank, y.dims);
        if (!same) return std::string("value ") + x.tag;
    }
    for (uint32_t i = 0; i < a.n_nodes; ++i) {
        const afs_node &x = *a.nodes[i], &y = *b.nodes[i];
        const uint32_t size = size_of(x.params);
        const bool same =
            std::strcmp(x.op, y.op) == 0 && x.output == y.output && x.n_inputs == y.n_inputs &&
            std::equal(x.inputs, x.inputs + x.n_inputs, y.inputs) && size == size_of(y.params) &&
            (size == 0 || std::memcmp(x.params, y.params, size) == 0);
        if (!same) return std::string("node ") + a.values[x.output]->tag + " (" + x.op + ")";
    }
    return {};
}

std::vector<float> rope_divisors(const afs_rope_params& rope) {
    if (rope.scaling == AFS_ROPE_PLAIN) return {};
    afs_rope_params plain = rope;
    plain.scaling = AFS_ROPE_PLAIN;
    std::vector<float> divisors;
    for (uint32_t j = 0; j < rope.head_dim / 2; ++j) {
        const double ratio = static_cast<double>(rope_inv_freq(plain, j)) /
                             static_cast<double>(rope_inv_freq(rope, j));
        // The ends of the band are the factor and one, but for fp32's rounding of the quotient.
        const auto factor = static_cast<double>(rope.factor);
        const bool whole = std::abs(ratio - factor) < 1e-6 * factor;
        divisors.push_back(whole ? rope.factor : static_cast<float>(ratio));
    }
    return divisors;
}

}  // namespace afs::convert
