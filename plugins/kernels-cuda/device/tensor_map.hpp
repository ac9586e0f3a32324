// How the copy engine (TMA, sm_90 and later) sees a tensor: boxes with rows of 128 bytes, swizzled
// by the row. Pure host work.
#pragma once
#include <cuda.h>

#include "afs/kernels.hpp"

namespace afs::cuda {

struct Boxes {
    uint32_t rank;
    uint64_t dims[3];     // elements, the innermost first
    uint64_t strides[2];  // bytes, of dims[1] and dims[2]
    uint32_t box[3];      // elements; box[0] is 64 of 16 bits
};

// dtype: fp16 or bf16. What lies beyond the tensor arrives as zeros and is not stored.
Status describe(int32_t dtype, const void* data, const Boxes& boxes, CUtensorMap& out);

// Boxes of `rows` rows by 64 columns of a matrix [n, m] with contiguous rows.
Status describe_rows(const afs_tensor& matrix, uint32_t rows, CUtensorMap& out);

// Whether describe_rows can take a matrix: 16 bits, rows of a multiple of 8 that start on 16 bytes.
bool can_describe_rows(const afs_tensor& matrix);

}  // namespace afs::cuda
