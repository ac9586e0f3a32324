/* Table afs.env/1: environment checks. A check looks and reports; it never changes the machine. */
#pragma once
#include "afs/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { AFS_CHECK_OK = 0, AFS_CHECK_INFO, AFS_CHECK_WARN, AFS_CHECK_FAIL };

/* GROWABLE; one line of a report. Strings: the instance's, until the next call of `run`. */
typedef struct afs_finding {
    uint32_t struct_size;
    int32_t status;
    const char* name;   /* "gpu.0.memory" */
    const char* found;  /* "143771 MiB" */
    const char* needed; /* "at least 16384 MiB"; NULL: nothing */
    const char* remedy; /* NULL when there is nothing to do */
    /* 1: `found` differs from one look to the next on an unchanged machine (free memory, clocks):
     * reports keep it apart from what two machines are compared by. */
    uint32_t momentary, reserved;
} afs_finding;

/* GROWABLE; valid during the call. */
typedef struct afs_env_args {
    uint32_t struct_size, reserved;
    const char* config_json; /* the active configuration, resolved, as JSON text */
    const char* config_file; /* the file it came from; NULL: none was found */
    const char* root;        /* the folder whose weights/ and reports/ are used; NULL: unknown */
} afs_env_args;

typedef struct afs_env {
    uint32_t struct_size, reserved;
    /* The checks' names, constant; NULL past the end. */
    const char* (*check)(afs_instance*, uint32_t index);
    afs_status (*run)(afs_instance*, uint32_t index, const afs_env_args*,
                      const afs_finding* const** findings, uint32_t* n_findings, afs_error*);
} afs_env;

#ifdef __cplusplus
}
#endif
