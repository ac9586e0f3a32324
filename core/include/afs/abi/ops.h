/* Table afs.ops/1: single ops. Table afs.weights/1: how a backend stores the weights it reads. */
#pragma once
#include "afs/abi/graph.h"
#include "afs/abi/step.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Promises and facts of a kernel. */
enum {
    AFS_CAPTURE_SAFE = 1,     /* run only enqueues; replay equals eager */
    AFS_DETERMINISTIC = 2,    /* same inputs, same bits */
    AFS_BATCH_INVARIANT = 4,  /* a row's bits do not depend on its neighbours */
    AFS_FLUSH_SUBNORMALS = 8, /* subnormal inputs or results may become 0 */
    AFS_TENSOR_CORE = 16,     /* accumulation truncates as tensor cores do */
    AFS_ROUNDED_WEIGHTS = 32  /* linear/1: a weight of a block format is rounded to bf16 before
                               * it is multiplied */
};

/* Step classes; open: a backend that does not know one says no to it. */
enum { AFS_CLASS_GENERAL, AFS_CLASS_DECODE /* every sequence has one token */ };

/* GROWABLE; the largest step of this class the engine will ever make. */
typedef struct afs_limits {
    uint32_t struct_size, step_class;
    uint32_t max_tokens, max_rows, max_seqs, max_blocks, max_context;
    uint32_t deterministic; /* the config asks for it */
} afs_limits;

/* GROWABLE; valid until all that was made from it is dropped. */
typedef struct afs_query {
    uint32_t struct_size, node; /* node: index into graph->nodes; unused by claim and compile */
    const afs_graph* graph;     /* resolved: every weight has its dtype */
    const afs_limits* limits;
    const afs_kv_layout* const* kv_layouts; /* [n_kv_groups] */
} afs_query;

/* GROWABLE; the answer. A yes binds for the class, within the limits. */
typedef struct afs_verdict {
    uint32_t struct_size;
    int32_t supported;
    int32_t acc_dtype;      /* accumulator; bounds are computed from it */
    int32_t internal_dtype; /* what operands are rounded to inside; AFS_I16, of linear/1 only: x to
                             * whole multiples of 2^(e - 14), 2^e the binade of the largest of 32
                             * neighbours (of 2^-126 where that is more); the weight is kept */
    uint32_t flags, reserved;
    uint64_t workspace_bytes; /* scratch, shared by all nodes of a stream, contents undefined */
    uint64_t state_bytes;     /* own, zeroed once, kept between steps */
    char reason[240];         /* why not: expected and found */
} afs_verdict;

/* GROWABLE; one execution. Inputs are const: never written; nor is a byte outside the output. */
typedef struct afs_run {
    uint32_t struct_size, n_inputs;
    const afs_tensor* inputs; /* KV input: data NULL, see kv */
    const afs_tensor* output;
    const afs_step* step;
    const afs_kv* kv; /* kv_append/1 and attention/1: this layer's cache; else NULL */
    void *workspace, *state;
    afs_stream stream;
} afs_run;

typedef struct afs_ops {
    uint32_t struct_size, reserved;
    /* Pure: same answer for the same question, changes nothing. */
    afs_status (*query)(afs_instance*, const afs_query*, afs_verdict*, afs_error*);
    /* The i-th wish for a group's cache, best first; UNSUPPORTED ends the list. May be NULL. */
    afs_status (*kv_layouts)(afs_instance*, const afs_graph*, uint32_t group, uint32_t i,
                             afs_kv_layout* out, afs_error*);
    /* All that may fail or be slow: loads code, sets attributes, copies parameters. */
    afs_status (*prepare)(afs_instance*, const afs_query*, afs_op** out, afs_error*);
    /* Enqueues and returns: no synchronising, no host allocation, no launch of a graph. */
    afs_status (*run)(afs_instance*, afs_op*, const afs_run*, afs_error*);
    void (*drop)(afs_instance*, afs_op*);
    /* One line for people: what it runs on and why, such as the instructions that it chose. Cut to
     * size bytes, NUL included. May be NULL. */
    afs_status (*describe)(afs_instance*, char* text, uint32_t size, afs_error*);
} afs_ops;

/* GROWABLE */
typedef struct afs_packing {
    uint32_t struct_size;
    uint32_t format;   /* the backend's own number, != 0 where bytes != 0 */
    uint64_t bytes;    /* packed size; 0: used as it is in the file */
    uint32_t keep_raw; /* also needs the plain tensor */
    uint32_t reserved;
} afs_packing;

/* One packing of a weight serves all classes, buckets and both grips. Without this table every
 * weight is used as it is in the file. */
typedef struct afs_weights {
    uint32_t struct_size, reserved;
    /* nodes: those of this backend that read the weight. Pure. */
    afs_status (*plan)(afs_instance*, const afs_query*, uint32_t value, const uint32_t* nodes,
                       uint32_t n_nodes, afs_packing* out, afs_error*);
    /* raw: the whole tensor in this domain's memory; packed: [packing.bytes]. Enqueues. */
    afs_status (*pack)(afs_instance*, const afs_query*, uint32_t value, const afs_packing*,
                       const afs_tensor* raw, void* packed, afs_stream, afs_error*);
} afs_weights;

#ifdef __cplusplus
}
#endif
