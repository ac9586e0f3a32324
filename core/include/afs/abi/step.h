/* One step of the engine: a ragged batch, and the paged KV cache it reads and writes.
 *
 * Prefill, chunked prefill, decode and mixtures are one step with other numbers. The sizes are
 * host values and form the bucket: under capture a launch may depend on them and on nothing else.
 * The arrays are domain addresses, stable for a bucket; their contents change every step.
 * Padding up to the bucket: tokens from cu_seqlens[n_seqs] on belong to no sequence (id 0,
 * position 0, a slot of block 0), ops may leave their rows unwritten and no real row may read
 * them; spare sequences are empty; spare rows select token 0, have flags 0 and are not sampled.
 * n_rows may be 0 (a chunk of a prompt): the host then skips nodes whose output has no row. */
#pragma once
#include "afs/abi/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    AFS_ROW_SAMPLE = 1 /* sample/1 draws this row */,
    AFS_ROW_LOGITS = 2 /* host wants logits */
};

/* FIXED; how one row of logits is sampled. The draw is defined bit for bit in afs/sample.hpp. */
typedef struct afs_row {
    float temperature; /* <= 0: argmax, lowest id on ties */
    float top_p;       /* >= 1: off */
    float min_p;       /* <= 0: off */
    int32_t top_k;     /* <= 0: off */
    uint32_t flags;
    uint32_t counter; /* position of the new token: one draw for each (seed, counter) */
    uint64_t seed;
    int32_t n_vocab; /* valid ids; columns from here on are padding and never drawn */
    int32_t reserved;
} afs_row;

/* GROWABLE; sizes by value, arrays in the domain's memory. */
typedef struct afs_step {
    uint32_t struct_size;
    uint32_t n_tokens, n_seqs, n_rows, max_blocks, max_context;
    const int32_t* token_ids;    /* [n_tokens]; -1-r: what sample/1 wrote for row r a step before */
    const int32_t* positions;    /* [n_tokens] */
    const int32_t* slots;        /* [n_tokens]; block * block_size + offset */
    const int32_t* cu_seqlens;   /* [n_seqs + 1]; tokens of sequence s: [cu[s], cu[s+1]) */
    const int32_t* context_lens; /* [n_seqs]; this step's tokens counted */
    const int32_t* block_table;  /* [n_seqs, max_blocks] */
    const int32_t* logit_rows;   /* [n_rows]; token index; may repeat */
    const afs_row* rows;         /* [n_rows] */
    const int32_t* prev_ids;     /* what the step before sampled; sample/1 writes the same buffer */
    int32_t* host_ids;           /* pinned; sample/1 stores its ids here too; NULL: nowhere */
} afs_step;

/* GROWABLE; how one layer group's cache is laid out. Frozen in the plan.
 * A block of one layer and side is block_elems contiguous elements, so the host can copy it. */
typedef struct afs_kv_layout {
    uint32_t struct_size;
    int32_t dtype;
    uint32_t block_size; /* slots a block */
    uint32_t n_kv_heads, head_dim, reserved;
    int64_t k_stride[4], v_stride[4]; /* block, kv_head, slot, dim; in elements */
    int64_t block_elems;
} afs_kv_layout;

/* FIXED; one layer's cache. */
typedef struct afs_kv {
    void *k, *v;
    const afs_kv_layout* layout;
} afs_kv;

#ifdef __cplusplus
}
#endif
