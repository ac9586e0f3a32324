// The shapes, dtypes and parameters that each op's id asks for (afs/abi/graph.h), said once for all
// kernels plugins: a query calls its op's function, then adds what its own kernels cannot do.
// C++17, also in .cu files.
#pragma once
#include <cstdint>

#include "afs/plugin/op_check.hpp"

namespace afs {
namespace plugin {

inline void require_embed(OpCheck& check) {
    if (!check.shape_of_node(1, false)) return;
    const afs_value result = check.node().out();
    check.activation("output", result, AFS_DIM_TOKENS, kAny, AFS_DTYPE_NONE);
    check.matrix("table", check.node().in(0), kAny, result.dims[1]);
}

inline void require_rms_norm(OpCheck& check) {
    if (!check.shape_of_node(2, true)) return;
    const afs_value x = check.node().in(0);
    check.activation("x", x, kAny, kAny, AFS_DTYPE_NONE);
    check.weight("weight", check.node().in(1), 0, x.dims[1]);
    check.activation("output", check.node().out(), x.dims[0], x.dims[1], x.dtype);
}

inline void require_linear(OpCheck& check) {
    if (!check.shape_of_node(2, false)) return;
    const afs_value x = check.node().in(0), result = check.node().out();
    check.activation("x", x, kAny, kAny, AFS_DTYPE_NONE);
    check.activation("output", result, x.dims[0], kAny, x.dtype);
    check.matrix("weight", check.node().in(1), result.dims[1], x.dims[1]);
}

inline void require_rope(OpCheck& check) {
    const auto p = check.node().params<afs_rope_params>();
    if (!check.shape_of_node(1, true)) return;
    const afs_value x = check.node().in(0);
    check.activation("x", x, AFS_DIM_TOKENS, kAny, AFS_DTYPE_NONE);
    check.activation("output", check.node().out(), AFS_DIM_TOKENS, x.dims[1], x.dtype);
    check.require(p.head_dim > 0 && p.head_dim % 2 == 0,
                  "expected an even head_dim, found " + std::to_string(p.head_dim));
    check.require(p.head_dim == 0 || x.dims[1] % p.head_dim == 0,
                  "expected rows of whole heads of " + std::to_string(p.head_dim) + ", found " +
                      std::to_string(x.dims[1]) + " elements");
    check.require(p.theta > 0, "expected theta above 0, found " + std::to_string(p.theta));
    check.require(p.scaling == AFS_ROPE_PLAIN || p.scaling == AFS_ROPE_LLAMA3,
                  "expected plain or llama3 scaling, found " + std::to_string(p.scaling));
    check.require(p.scaling != AFS_ROPE_LLAMA3 ||
                      (p.factor > 0 && p.low_freq_factor > 0 &&
                       p.high_freq_factor > p.low_freq_factor && p.original_max_position > 0),
                  "llama3 scaling: expected factor > 0, high_freq_factor > low_freq_factor > 0 "
                  "and an original length");
}

// The layout of the cache that is written, zeroed where something is wrong; so in attention.
inline afs_kv_layout require_kv_append(OpCheck& check) {
    if (!check.shape_of_node(2, false)) return make<afs_kv_layout>();
    const afs_value k = check.node().in(0);
    check.activation("k", k, AFS_DIM_TOKENS, kAny, AFS_DTYPE_NONE);
    check.activation("v", check.node().in(1), AFS_DIM_TOKENS, k.dims[1], k.dtype);
    return check.cache_of_width(check.node().out(), k.dims[1]);
}

inline afs_kv_layout require_attention(OpCheck& check) {
    const auto p = check.node().params<afs_attention_params>();
    if (!check.shape_of_node(2, true)) return make<afs_kv_layout>();
    check.require(p.n_kv_heads > 0 && p.n_heads > 0 && p.n_heads % p.n_kv_heads == 0,
                  "expected heads in whole groups, found " + std::to_string(p.n_heads) +
                      " heads and " + std::to_string(p.n_kv_heads) + " kv heads");
    const int64_t width = static_cast<int64_t>(p.n_heads) * p.head_dim;
    const afs_value q = check.node().in(0);
    check.activation("q", q, AFS_DIM_TOKENS, width, AFS_DTYPE_NONE);
    check.activation("output", check.node().out(), AFS_DIM_TOKENS, width, q.dtype);
    return check.cache(check.node().in(1), p.n_kv_heads, p.head_dim);
}

inline void require_swiglu(OpCheck& check) {
    if (!check.shape_of_node(2, false)) return;
    const afs_value gate = check.node().in(0);
    check.activation("gate", gate, kAny, kAny, AFS_DTYPE_NONE);
    check.activation("up", check.node().in(1), gate.dims[0], gate.dims[1], gate.dtype);
    check.activation("output", check.node().out(), gate.dims[0], gate.dims[1], gate.dtype);
}

inline void require_add(OpCheck& check) {
    if (!check.shape_of_node(2, false)) return;
    const afs_value a = check.node().in(0);
    check.activation("a", a, kAny, kAny, AFS_DTYPE_NONE);
    check.activation("b", check.node().in(1), a.dims[0], a.dims[1], a.dtype);
    check.activation("output", check.node().out(), a.dims[0], a.dims[1], a.dtype);
}

inline void require_select_rows(OpCheck& check) {
    if (!check.shape_of_node(1, false)) return;
    const afs_value x = check.node().in(0);
    check.activation("x", x, AFS_DIM_TOKENS, kAny, AFS_DTYPE_NONE);
    check.activation("output", check.node().out(), AFS_DIM_ROWS, x.dims[1], x.dtype);
}

inline void require_sample(OpCheck& check) {
    if (!check.shape_of_node(1, false)) return;
    const afs_value logits = check.node().in(0), ids = check.node().out();
    check.activation("logits", logits, AFS_DIM_ROWS, kAny, AFS_DTYPE_NONE);
    check.require(ids.dtype == AFS_I32 && ids.rank == 1 && ids.dims[0] == AFS_DIM_ROWS,
                  "output: expected int32 [n_rows]");
    check.require(logits.rank != 2 || logits.dims[1] <= INT32_MAX,
                  "logits: more columns than an id can name");
}

}  // namespace plugin
}  // namespace afs
