/* Table afs.device/1: a memory domain and its streams.
 *
 * A domain ABI has a revision ("name/1", which says what streams and pointers are: those of today
 * in docs/PLUGINS.md) and instances ("name:0"). The first listed plugin that provides
 * this table owns the domain; others are guests on the same memory. The host owns "cpu/1". */
#pragma once
#include "afs/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { AFS_MEM_DEVICE, AFS_MEM_PINNED };
enum { AFS_COPY_H2D, AFS_COPY_D2H, AFS_COPY_D2D };
enum {
    AFS_DEV_CAPTURE = 1, /* capture_begin .. capture_destroy are there */
    AFS_DEV_HOST_READS =
        2, /* device addresses are host addresses: mapped files may be used as is */
    AFS_DEV_SYNCHRONOUS = 4 /* every call is done when it returns */
};

/* GROWABLE */
typedef struct afs_device_info {
    uint32_t struct_size, flags;
    uint64_t total, available; /* bytes; 0: unknown */
    char domain[32];           /* instance: "name:0" */
    char name[96];
} afs_device_info;

typedef struct afs_device {
    uint32_t struct_size, reserved;
    afs_status (*info)(afs_instance*, afs_device_info*, afs_error*);
    /* 256-byte aligned; 0 bytes are legal. NO_MEMORY says needed and available. */
    afs_status (*alloc)(afs_instance*, int32_t place, uint64_t bytes, void** out, afs_error*);
    void (*release)(afs_instance*, int32_t place, void*);
    afs_status (*copy)(afs_instance*, afs_stream, int32_t how, void* to, const void* from,
                       uint64_t bytes, afs_error*);
    afs_status (*fill)(afs_instance*, afs_stream, void* to, uint8_t byte, uint64_t bytes,
                       afs_error*);
    afs_status (*stream_create)(afs_instance*, afs_stream* out, afs_error*);
    void (*stream_destroy)(afs_instance*, afs_stream);
    afs_status (*stream_sync)(afs_instance*, afs_stream, afs_error*);
    afs_status (*event_create)(afs_instance*, afs_event** out, afs_error*);
    void (*event_destroy)(afs_instance*, afs_event*);
    afs_status (*event_record)(afs_instance*, afs_event*, afs_stream, afs_error*);
    afs_status (*event_sync)(afs_instance*, afs_event*, afs_error*); /* never recorded: at once */
    afs_status (*stream_wait)(afs_instance*, afs_stream, afs_event*, afs_error*);
    /* Thread-local: other threads may allocate meanwhile. Every node ran eagerly once before. */
    afs_status (*capture_begin)(afs_instance*, afs_stream, afs_error*);
    /* out NULL: abandon the capture; leaves no error behind in the runtime. */
    afs_status (*capture_end)(afs_instance*, afs_stream, afs_capture** out, afs_error*);
    afs_status (*replay)(afs_instance*, afs_capture*, afs_stream, afs_error*);
    void (*capture_destroy)(afs_instance*, afs_capture*);
    /* Bytes a second of a read-only sweep over device memory, best of a sweep of settings; takes
     * up to a second. NULL: the host does not know the ceiling. */
    afs_status (*read_ceiling)(afs_instance*, double* bytes_per_second, afs_error*);
    /* An event that knows when it was reached; recorded, waited for and destroyed like any other,
     * never inside a capture. Both functions NULL: the host times with its own clock, and waits. */
    afs_status (*timer_create)(afs_instance*, afs_event** out, afs_error*);
    /* Between two timers of one stream that were both reached. */
    afs_status (*elapsed)(afs_instance*, afs_event* from, afs_event* to, double* seconds,
                          afs_error*);
} afs_device;

#ifdef __cplusplus
}
#endif
