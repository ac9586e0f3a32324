/* Table afs.tokenizer/1: text to ids and back. Text is bytes. Invalid UTF-8 is no error: a byte
 * that belongs to no character is encoded by itself, and decode(encode(x)) == x, unless the
 * checkpoint's own rules lose something: a normaliser, a vocabulary without a token for some byte.
 */
#pragma once
#include "afs/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* FIXED; bytes that need not end in NUL. */
typedef struct afs_text {
    const char* data;
    uint64_t size;
} afs_text;

enum {
    AFS_PIECE_NORMAL = 1,
    AFS_PIECE_UNKNOWN,
    AFS_PIECE_CONTROL,
    AFS_PIECE_USER,
    AFS_PIECE_UNUSED,
    AFS_PIECE_BYTE
};

/* GROWABLE; a vocabulary that lies among a weight file's metadata (GGUF) and that the host has
 * read: the meaning of each member is tokenizer.ggml.*'s. Arrays and strings: valid during the
 * call. Ids and flags are -1 where the file says nothing, arrays NULL. */
typedef struct afs_vocabulary {
    uint32_t struct_size, n_tokens, n_merges, reserved;
    const char* model;      /* "gpt2": byte-level BPE, "llama": SentencePiece BPE */
    const char* pre;        /* pre-tokenizer: "llama-bpe", "smollm"; NULL: not said */
    const afs_text* tokens; /* [n_tokens], as written: byte-level alphabet, or U+2581 for blanks */
    const float* scores;    /* [n_tokens] */
    const int32_t* types;   /* [n_tokens], AFS_PIECE_* */
    const afs_text* merges; /* [n_merges], "left right", best first */
    int32_t bos_id, eos_id, unknown_id, pad_id;
    int32_t add_bos, add_eos, add_space_prefix, remove_extra_whitespaces;
} afs_vocabulary;

/* GROWABLE; valid during the call. */
typedef struct afs_tokenizer_source {
    uint32_t struct_size, reserved;
    const char* path;                 /* the checkpoint's folder, or one file */
    const afs_vocabulary* vocabulary; /* not NULL: this is to be read, path only names it */
} afs_tokenizer_source;

enum {
    AFS_ENCODE_ADD_SPECIAL = 1,  /* what the checkpoint adds by itself (BOS) */
    AFS_ENCODE_PARSE_SPECIAL = 2 /* special tokens written in the text become their ids */
};
enum { AFS_DECODE_SKIP_SPECIAL = 1 };
enum { AFS_TOKEN_NORMAL = 0, AFS_TOKEN_ADDED = 1, AFS_TOKEN_SPECIAL = 2, AFS_TOKEN_UNUSED = 3 };

/* GROWABLE; ids are -1 where there is none. */
typedef struct afs_tokenizer_info {
    uint32_t struct_size;
    uint32_t n_vocab; /* valid ids are [0, n_vocab) */
    int32_t bos_id, eos_id, pad_id;
    int32_t adds_bos;  /* ADD_SPECIAL puts bos_id first */
    char summary[240]; /* "byte-level BPE, 4096 ids, 3837 merges, from tokenizer.json" */
} afs_tokenizer_info;

/* What a function hands out is the instance's, until its next call. */
typedef struct afs_tokenizer {
    uint32_t struct_size, reserved;
    /* 0: cannot read these files, 100: exactly mine; looks at names and first bytes only. */
    afs_status (*score)(afs_instance*, const afs_tokenizer_source*, int32_t* out, afs_error*);
    afs_status (*load)(afs_instance*, const afs_tokenizer_source*, afs_tokenizer_info* out,
                       afs_error*);
    afs_status (*encode)(afs_instance*, const char* text, uint64_t n_bytes, uint32_t flags,
                         const int32_t** ids, uint64_t* n_ids, afs_error*);
    /* Bytes, maybe not UTF-8 at the ends. An id outside the vocabulary is INVALID. */
    afs_status (*decode)(afs_instance*, const int32_t* ids, uint64_t n_ids, uint32_t flags,
                         const char** bytes, uint64_t* n_bytes, afs_error*);
    /* Kind of one id (AFS_TOKEN_*) and its bytes. */
    afs_status (*token)(afs_instance*, int32_t id, int32_t* kind, const char** bytes,
                        uint64_t* n_bytes, afs_error*);
} afs_tokenizer;

#ifdef __cplusplus
}
#endif
