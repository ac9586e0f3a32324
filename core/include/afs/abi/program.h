/* Table afs.graph/1: a backend that takes whole sets of nodes (a layer, or the step) and compiles
 * each into one program. Whatever it fuses it also offers singly through afs.ops/1. */
#pragma once
#include "afs/abi/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AFS_NO_SET 0xffffffffu

/* GROWABLE; one claimed set as the host sees it. Sets of one kind are isomorphic. */
typedef struct afs_region {
    uint32_t struct_size, set, kind;
    uint32_t n_nodes, n_inputs, n_outputs;
    const uint32_t* nodes;   /* topological order */
    const uint32_t* inputs;  /* values read from outside, weights included */
    const uint32_t* outputs; /* values somebody outside reads; the rest may stay inside */
} afs_region;

/* GROWABLE; the arrays are the instance's, until its next call. */
typedef struct afs_claims {
    uint32_t struct_size, n_sets;
    const uint32_t* set_of_node; /* [n_nodes]; AFS_NO_SET: not claimed */
    const uint32_t* kind_of_set; /* [n_sets] */
    char reason[240];            /* why the rest was not claimed */
} afs_claims;

/* GROWABLE */
typedef struct afs_compiled {
    uint32_t struct_size, flags; /* flags: AFS_CAPTURE_SAFE .. */
    uint64_t workspace_bytes, state_bytes;
} afs_compiled;

/* GROWABLE; addresses that stay as they are until the program is dropped. */
typedef struct afs_bind {
    uint32_t struct_size, n_values;
    const afs_tensor* values; /* [n_values] by value id; what stays inside the set: data NULL */
    const afs_kv* const* kv;  /* [group][layer] */
    const afs_step* step;
    void *workspace, *state;
} afs_bind;

typedef struct afs_graph_api {
    uint32_t struct_size, reserved;
    /* available: [n_nodes], 0 where a pin or an earlier backend has the node. Pure. */
    afs_status (*claim)(afs_instance*, const afs_query*, const uint8_t* available, afs_claims* out,
                        afs_error*);
    /* bucket: only its sizes are read. Slow; once for each region and bucket. */
    afs_status (*compile)(afs_instance*, const afs_query*, const afs_region*,
                          const afs_step* bucket, afs_compiled* out, afs_program**, afs_error*);
    afs_status (*bind)(afs_instance*, afs_program*, const afs_bind*, afs_stream, afs_error*);
    /* Once a step; enqueues and returns. */
    afs_status (*exec)(afs_instance*, afs_program*, const afs_step*, afs_stream, afs_error*);
    /* From the next exec on also write `value` there; NULL ends it. Eager only. UNSUPPORTED where
     * the value is never formed. */
    afs_status (*tap)(afs_instance*, afs_program*, uint32_t value, const afs_tensor* into,
                      afs_error*);
    void (*drop)(afs_instance*, afs_program*);
} afs_graph_api;

#ifdef __cplusplus
}
#endif
