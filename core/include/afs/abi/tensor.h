/* Element types and the tensor view that crosses the boundary. */
#pragma once
#include "afs/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Element types. Block-quantised formats are AFS_BLOCK + the GGUF type number: a row is whole
 * blocks one after the other, see afs/block_format.hpp and afs/dequantise.hpp. */
enum {
    AFS_DTYPE_NONE = 0,
    AFS_F32 = 1,
    AFS_BF16,
    AFS_F16,
    AFS_I32,
    AFS_F64,
    AFS_I16, /* of no tensor: see internal_dtype in afs/abi/ops.h */
    AFS_BLOCK = 256,
    AFS_Q4_0 = AFS_BLOCK + 2,
    AFS_Q4_1 = AFS_BLOCK + 3,
    AFS_Q5_0 = AFS_BLOCK + 6,
    AFS_Q5_1 = AFS_BLOCK + 7,
    AFS_Q8_0 = AFS_BLOCK + 8,
    AFS_Q4_K = AFS_BLOCK + 12,
    AFS_Q5_K = AFS_BLOCK + 13,
    AFS_Q6_K = AFS_BLOCK + 14
};

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
