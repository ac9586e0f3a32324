/* The contract between host and plugin, generation 0: what every plugin and every table shares.
 *
 * Two classes of struct cross the boundary.
 *   GROWABLE: the first member is struct_size, it crosses by pointer, an array of them is an array
 *             of pointers, it grows at the end, 0 in a new member means "as before". Nobody reads
 *             or writes past the smaller of struct_size and his own sizeof.
 *   FIXED:    no struct_size and never changed (a change is a new name); may stand in arrays.
 * Enums cross as int32_t or uint32_t. Only afs_error* may be NULL where nothing else is said.
 * Threads: an instance is entered by one thread at a time, not always the same one.
 * Ownership: who allocates frees. Strings and arrays that a function hands out stay the maker's;
 * each says how long they live. Strings are UTF-8 and NUL-terminated.
 * Errors: a function returns AFS_OK or a code and then fills afs_error. No exception crosses. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { AFS_ABI_MAJOR = 0, AFS_ABI_MINOR = 1 };

#define AFS_EXPORT __attribute__((visibility("default")))

/* Whether the GROWABLE struct behind pointer p is long enough to hold member m. */
#define AFS_HAS(p, m) ((p)->struct_size >= (size_t)((const char*)(&(p)->m + 1) - (const char*)(p)))

typedef int32_t afs_status;
enum {
    AFS_OK = 0,
    AFS_E_UNSUPPORTED = 1, /* a legal request that this plugin declines */
    AFS_E_INVALID = 2,     /* the caller broke the contract, or a file or value is wrong */
    AFS_E_NO_MEMORY = 3,
    AFS_E_DEVICE = 4,   /* the device failed; native_code holds its own code */
    AFS_E_INTERNAL = 5, /* a bug of the callee */
    AFS_E_VERSION = 6,  /* host and plugin speak different contracts */
    AFS_E_NOT_FOUND = 7,
    AFS_E_IO = 8,
    AFS_E_CANCELLED = 9
};

/* GROWABLE; the caller's storage, filled by the callee when it fails. */
typedef struct afs_error {
    uint32_t struct_size;
    afs_status code;
    int64_t native_code; /* errno, or the code of an API; 0: none */
    char where[112];     /* plugin and function */
    char message[896];   /* expected, found, remedy */
} afs_error;

typedef struct afs_instance afs_instance; /* one opened plugin */
typedef struct afs_op afs_op;             /* one prepared node */
typedef struct afs_program afs_program;   /* one compiled region for one bucket */
typedef struct afs_event afs_event;
typedef struct afs_capture afs_capture;
typedef void* afs_stream; /* the domain says what it is; NULL: the domain's default stream */

enum { AFS_LOG_TRACE = 0, AFS_LOG_DEBUG, AFS_LOG_INFO, AFS_LOG_WARN, AFS_LOG_ERROR };

/* GROWABLE; what the host offers a plugin. Lives until close. log: from any thread. */
typedef struct afs_host {
    uint32_t struct_size, reserved;
    void* ctx;
    void (*log)(void* ctx, int32_t level, const char* where, const char* text);
} afs_host;

/* GROWABLE; valid during probe and open (host: until close).
 * Options: sorted by key, nested keys joined by '.', values as JSON text, strings bare. */
typedef struct afs_open_args {
    uint32_t struct_size, device, rank, world; /* device: ordinal inside the domain */
    const afs_host* host;
    uint32_t n_options, reserved;
    const char* const* keys;
    const char* const* values;
} afs_open_args;

/* GROWABLE; the one symbol a plugin exports. The first 8 bytes are as they are for ever: the host
 * reads them before anything else and calls nothing before they match. */
typedef struct afs_plugin {
    uint32_t struct_size;
    uint16_t abi_major, abi_minor;
    const char* kind; /* "model", "kernels", "tokenizer", "env" */
    const char* name; /* the plugin's own; a config may call an instance otherwise */
    const char* version;
    const char* licence;
    const char* build;           /* compiler and flags, free text */
    const char* domain;          /* ABI of the memory its tensors live in, as "cpu/1"; NULL: none */
    const char* const* provides; /* table ids, NULL-terminated; afs.device/1: can own the domain */
    /* Can this machine run it? Fast, changes nothing, takes no device memory. May be NULL. */
    afs_status (*probe)(const afs_open_args*, afs_error*);
    afs_status (*open)(const afs_open_args*, afs_instance** out, afs_error*);
    const void* (*table)(const char* id); /* constant, callable before open; unknown id: NULL */
    void (*close)(afs_instance*);         /* after all that was made from it was dropped */
} afs_plugin;

extern AFS_EXPORT const afs_plugin afs_plugin_v0;

#ifdef __cplusplus
}
#endif
