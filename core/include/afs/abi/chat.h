/* Table afs.chat/1: how a model family writes conversations; offered by model plugins. A template
 * here has a name ("chatml") and writes what the Jinja text of that name renders, byte for byte.
 * Which of them a checkpoint's own Jinja text is, the host finds out by comparing what both write:
 * a plugin only writes. */
#pragma once
#include "afs/abi/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    AFS_CHAT_TEXT = 0,    /* the template's own words: ordinary text to a tokenizer */
    AFS_CHAT_MARKER = 1,  /* one special token of the template */
    AFS_CHAT_CONTENT = 2, /* a message's words: never to become special tokens unasked */
};

/* FIXED; the parts in order are the whole text. */
typedef struct afs_chat_part {
    afs_text text;
    int32_t kind; /* AFS_CHAT_* */
    uint32_t reserved;
} afs_chat_part;

enum {
    AFS_CHAT_OPENS_WITH_BOS = 1, /* the template begins with the tokenizer's BOS */
    AFS_CHAT_BOS_IS_FREE = 2,    /* checkpoints differ in that: with and without it, it is this */
    AFS_CHAT_NEEDS_DATE = 4      /* writes a date, and has none of its own to fall back on */
};

/* GROWABLE; all of it constant. */
typedef struct afs_chat_template {
    uint32_t struct_size, flags; /* AFS_CHAT_* of the second list */
    const char* name;            /* as a configuration names it */
    const char* const* stops;    /* markers that end an answer beside EOS, NULL-terminated */
} afs_chat_template;

/* GROWABLE; valid during the call. Roles are system, user and assistant. */
typedef struct afs_message {
    uint32_t struct_size, reserved;
    afs_text role, content;
} afs_message;

/* GROWABLE; valid during the call. Strings: NULL means none. */
typedef struct afs_conversation {
    uint32_t struct_size, n_messages;
    const afs_message* const* messages;
    const char* bos;  /* the text opens with it; NULL: it opens without */
    const char* eos;  /* text of the tokenizer's EOS */
    const char* date; /* "26 Jul 2024", for templates that write one */
    int32_t add_generation_prompt, reserved;
} afs_conversation;

typedef struct afs_chat {
    uint32_t struct_size, reserved;
    /* The templates it writes; NULL past the end. */
    const afs_chat_template* (*at)(afs_instance*, uint32_t index);
    /* Parts: the instance's, until its next call. NOT_FOUND: no such template; INVALID: a role it
     * does not know, no messages, or no date where one is needed. */
    afs_status (*write)(afs_instance*, const char* name, const afs_conversation*,
                        const afs_chat_part** parts, uint64_t* n_parts, afs_error*);
} afs_chat;

#ifdef __cplusplus
}
#endif
