/* The graph a model plugin emits: values, nodes, weights, KV groups. All of it is const and lives
 * as long as its maker (the model instance; the host's resolved copy: the plan).
 *
 * Ops (id: inputs -> output; T = activation dtype, "->T" = rounded to T, arithmetic in fp32 unless
 * T is fp64, then in fp64):
 *   embed/1       table[vocab, d] -> [n_tokens, d]; row token_ids[i], ->T
 *   rms_norm/1    x[n, d], weight[d] -> [n, d]; r = 1/sqrt(mean(x^2) + eps) in fp32;
 *                 weight_before_cast: (w*(x*r))->T, else w * ((x*r)->T) ->T
 *   linear/1      x[n, k], weight[m, k] -> [n, m]; sum of products, once ->T
 *   rope/1        x[n, heads*head_dim] -> same; half-split pairs (i, i + head_dim/2)
 *   kv_append/1   k[n_tokens, kv_heads*head_dim], v[same] -> KV value; writes only `slots`
 *   attention/1   q[n_tokens, heads*head_dim], KV value -> [n_tokens, heads*head_dim];
 *                 causal, head h reads kv head h / (heads/kv_heads); softmax and sums in fp32,
 *                 once ->T
 *   swiglu/1      gate[n, f], up[n, f] -> [n, f]; ((silu(gate))->T * up)->T
 *   add/1         a[n, d], b[n, d] -> [n, d]; (a + b)->T
 *   select_rows/1 x[n_tokens, d] -> [n_rows, d]; row logit_rows[i], exact
 *   sample/1      logits[n_rows, vocab] -> i32[n_rows]; see afs/sample.hpp
 *   all_reduce/1, row_sumsq/1: reserved for world > 1 */
#pragma once
#include "afs/abi/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Symbolic dimensions, known per step. */
enum { AFS_DIM_TOKENS = -1, AFS_DIM_ROWS = -2 };

enum { AFS_VALUE_WEIGHT = 1, AFS_VALUE_ACT, AFS_VALUE_KV };

/* GROWABLE; one named value. */
typedef struct afs_value {
    uint32_t struct_size;
    int32_t kind;
    int32_t dtype; /* weight: AFS_DTYPE_NONE in a model's graph means "as the file has it" */
    int32_t rank;
    int64_t dims[AFS_MAX_RANK];
    const char* tag;            /* "L17.attn.q_norm"; unique in the graph */
    int32_t kv_group, kv_layer; /* AFS_VALUE_KV only */
} afs_value;

/* GROWABLE; one op on values (indices into the graph). It bears the tag of its output. */
typedef struct afs_node {
    uint32_t struct_size, n_inputs;
    const uint32_t* inputs;
    uint32_t output;
    int32_t layer; /* -1: before or after the layers */
    const char* op;
    const void* params; /* the op's afs_*_params, NULL where it has none */
} afs_node;

enum { AFS_SPLIT_NONE, AFS_SPLIT_ROWS, AFS_SPLIT_COLS, AFS_SPLIT_HEADS };
enum { AFS_LOAD_AS_IS, AFS_LOAD_UNINTERLEAVE_HEADS };

/* GROWABLE; where a weight value comes from. */
typedef struct afs_weight {
    uint32_t struct_size, value;
    const char* names;      /* "a|b": the first that the file has */
    const char* duplicates; /* "c|d" or NULL: may be present too, then with the same bytes */
    int32_t split;          /* along which axis ranks share it */
    int32_t transform;      /* AFS_LOAD_*; UNINTERLEAVE_HEADS: q, k rows pair by pair, as GGUF's */
    uint32_t head_dim;      /* for SPLIT_HEADS and UNINTERLEAVE_HEADS */
    uint32_t reserved;
} afs_weight;

/* GROWABLE; layers whose KV cache has one geometry. */
typedef struct afs_kv_group {
    uint32_t struct_size, n_layers, n_kv_heads, head_dim, window; /* window 0: none */
} afs_kv_group;

/* GROWABLE. nodes are in topological order; outputs: values the host may ask for (logits, ids). */
typedef struct afs_graph {
    uint32_t struct_size, n_values, n_nodes, n_weights, n_kv_groups, n_outputs;
    const afs_value* const* values;
    const afs_node* const* nodes;
    const afs_weight* const* weights;
    const afs_kv_group* const* kv_groups;
    const uint32_t* outputs;
    const char* ignored_tensors; /* "*.inv_freq|x": tensors a file may have beyond the table */
} afs_graph;

/* GROWABLE op parameters. */
typedef struct afs_rms_norm_params {
    uint32_t struct_size;
    float eps;                  /* inside the root */
    int32_t weight_before_cast; /* 1: (w*(x*r))->T, 0: w*((x*r)->T) ->T */
} afs_rms_norm_params;

enum { AFS_ROPE_PLAIN = 0, AFS_ROPE_LLAMA3 = 1 };

/* inv_freq[j] = theta^(-2j/head_dim) in fp32, llama3-scaled, times position in fp32.
 * table_in_act_dtype: cos and sin are rounded to T and each product is rounded;
 * else fp32 tables, fp32 arithmetic, one rounding. */
typedef struct afs_rope_params {
    uint32_t struct_size, head_dim;
    double theta;
    int32_t table_in_act_dtype, scaling;
    float factor, low_freq_factor, high_freq_factor;
    uint32_t original_max_position;
} afs_rope_params;

typedef struct afs_attention_params {
    uint32_t struct_size, n_heads, n_kv_heads, head_dim;
    float scale;
} afs_attention_params;

#ifdef __cplusplus
}
#endif
