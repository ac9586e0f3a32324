#include "conformance/run/one_node.hpp"

#include <algorithm>

namespace afs::conformance {
namespace {

afs_value value_of(const Array& a, int32_t kind, int64_t rows_symbol, const char* tag) {
    afs_value v = make<afs_value>();
    v.kind = kind;
    v.dtype = a.dtype;
    v.rank = static_cast<int32_t>(a.dims.size());
    for (int i = 0; i < AFS_MAX_RANK; ++i) v.dims[i] = 1;
    for (size_t i = 0; i < a.dims.size(); ++i) v.dims[i] = a.dims[i];
    if (kind == AFS_VALUE_ACT && v.rank > 0) v.dims[0] = rows_symbol;
    v.tag = tag;
    return v;
}

}  // namespace

OneNode::OneNode(const OpCase& c) {
    const bool sampling = c.op == "sample/1", selecting = c.op == "select_rows/1";
    for (size_t i = 0; i < c.inputs.size(); ++i)
        values_.push_back(value_of(c.inputs[i], c.kinds[i],
                                   sampling ? AFS_DIM_ROWS : AFS_DIM_TOKENS, "case.input"));
    afs_value cache = make<afs_value>();
    cache.kind = AFS_VALUE_KV;
    cache.tag = "case.kv";
    const bool appending = c.op == "kv_append/1";
    if (c.kv && !appending) values_.push_back(cache);
    const uint32_t n_inputs = static_cast<uint32_t>(values_.size());
    values_.push_back(appending ? cache
                                : value_of(c.output, AFS_VALUE_ACT,
                                           sampling || selecting ? AFS_DIM_ROWS : AFS_DIM_TOKENS,
                                           "case.output"));
    for (const afs_value& v : values_) pointers_.push_back(&v);
    for (uint32_t i = 0; i < n_inputs; ++i) inputs_.push_back(i);

    node_ = make<afs_node>();
    node_.n_inputs = n_inputs;
    node_.inputs = inputs_.data();
    node_.output = n_inputs;
    node_.layer = -1;
    node_.op = c.op.c_str();
    node_.params = c.params.get();
    nodes_ = &node_;
    group_ = make<afs_kv_group>();
    layout_ = c.kv ? c.kv->layout : make<afs_kv_layout>();
    group_.n_layers = 1;
    group_.n_kv_heads = layout_.n_kv_heads;
    group_.head_dim = layout_.head_dim;
    groups_ = &group_;
    layouts_ = &layout_;
    graph_ = make<afs_graph>();
    graph_.n_values = static_cast<uint32_t>(values_.size());
    graph_.values = pointers_.data();
    graph_.n_nodes = 1;
    graph_.nodes = &nodes_;
    graph_.n_kv_groups = c.kv ? 1 : 0;
    graph_.kv_groups = &groups_;
    limits_ = make<afs_limits>();
    limits_.step_class = c.step_class;
    limits_.max_tokens = c.step.n_tokens();
    limits_.max_seqs = c.step.n_seqs();
    limits_.max_rows =
        static_cast<uint32_t>(std::max<size_t>(c.step.n_rows(), c.step.prev_ids.size()));
    limits_.max_blocks = c.step.max_blocks;
    limits_.max_context = c.step.max_context;
    query_ = make<afs_query>();
    query_.graph = &graph_;
    query_.limits = &limits_;
    query_.kv_layouts = &layouts_;
}

}  // namespace afs::conformance
