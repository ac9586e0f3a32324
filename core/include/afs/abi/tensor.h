/* Element types and the tensor view that crosses the boundary. */
#pragma once
#include "afs/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Element types. Block-quantised formats are AFS_BLOCK + the GGUF type number. */
enum { AFS_DTYPE_NONE = 0, AFS_F32 = 1, AFS_BF16, AFS_F16, AFS_I32, AFS_F64, AFS_BLOCK = 256 };

enum { AFS_MAX_RANK = 4 };

/* FIXED; a view that owns nothing. Row-major unless strides say otherwise. */
typedef struct afs_tensor {
    void* data; /* address in the plugin's domain; NULL: not materialised */
    int32_t dtype, rank;
    int64_t dims[AFS_MAX_RANK];    /* unused ones are 1 */
    int64_t strides[AFS_MAX_RANK]; /* in elements; block formats: of the whole row, in elements */
    uint32_t format;               /* 0: plain; else packed by the backend that owns the format */
    uint32_t reserved;
} afs_tensor;

#ifdef __cplusplus
}
#endif
