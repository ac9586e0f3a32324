/* Table afs.model/1: a model family. Turns a checkpoint's configuration into a graph. */
#pragma once
#include "afs/abi/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* GROWABLE; valid during the call. */
typedef struct afs_model_source {
    uint32_t struct_size;
    int32_t dtype; /* activations: AFS_F32, AFS_BF16, AFS_F16, AFS_F64 (judge) */
    uint32_t rank, world;
    const char* config_json;     /* text of config.json; GGUF: see below */
    const char* generation_json; /* text of generation_config.json, NULL: absent */
    int32_t is_gguf;
} afs_model_source;

/* config_json of a GGUF file: one object of its metadata, keys and values as they are (numbers,
 * booleans, texts, arrays of them; a number that is not finite: null), without what a model family
 * does not need: arrays of more than 1024 items (the vocabulary), arrays of arrays, values of more
 * than 64 KiB, and keys that begin with "gguf.", which are the host's:
 *   "gguf.version"     2 or 3
 *   "gguf.tensors"     {"token_embd.weight": {"type": "Q4_K", "shape": [49152, 576]}, ...}: every
 *                      tensor, its type by ggml's name, its shape outermost first
 *   "gguf.rope_freqs"  the values of an F32 tensor rope_freqs.weight, where there is one */

/* GROWABLE; facts the host needs beside the graph. Strings and arrays: the instance's, until its
 * next call. A sampling default that the checkpoint does not state is NaN (floats) or -1; in the
 * members behind summary 0 says the same. */
typedef struct afs_model_info {
    uint32_t struct_size;
    uint32_t context_length; /* positions the model was made for */
    uint32_t vocab_rows;     /* rows of the embedding; the tokenizer may have fewer ids */
    uint32_t n_stop_ids;
    const int32_t* stop_ids;  /* generation_config first, then config; no duplicates */
    int32_t bos_id;           /* -1: none */
    int32_t checkpoint_dtype; /* what config.json says, AFS_DTYPE_NONE: nothing */
    float temperature, top_p;
    int32_t top_k;
    char summary[240]; /* "<family>, 16 layers, hidden 2048, 16 heads (16 kv) x 128, ffn 8192" */
    float min_p, repetition_penalty;
} afs_model_info;

typedef struct afs_model {
    uint32_t struct_size, reserved;
    /* 0: not mine, 100: exactly mine. Never fails on foreign text. */
    afs_status (*score)(afs_instance*, const afs_model_source*, int32_t* out, afs_error*);
    /* INVALID names the key, what it holds and what was expected. The graph is the instance's,
     * until close; info may be NULL. */
    afs_status (*build)(afs_instance*, const afs_model_source*, const afs_graph** out,
                        afs_model_info* info, afs_error*);
} afs_model;

#ifdef __cplusplus
}
#endif
