// The block-quantised formats (ggml's) and their layout. Along a row, `elements` consecutive values
// share one block of `bytes` bytes; a row is whole blocks, so a tensor's bytes follow from its
// element count alone, and row i starts at dtype_bytes(dtype, i * strides[0]) (afs/numeric.hpp).
// What a block's bits mean stands in afs/dequantise.hpp. C++17.
#pragma once
#include <cstdint>

#include "afs/abi/tensor.h"

namespace afs {

struct BlockFormat {
    int32_t dtype;
    const char* name;
    uint32_t elements, bytes;
};

inline constexpr BlockFormat kBlockFormats[] = {
    {AFS_Q4_0, "q4_0", 32, 18},    // scale, 32 x 4 bits
    {AFS_Q4_1, "q4_1", 32, 20},    // scale, minimum, 32 x 4 bits
    {AFS_Q5_0, "q5_0", 32, 22},    // scale, 32 x 1 bit, 32 x 4 bits
    {AFS_Q5_1, "q5_1", 32, 24},    // scale, minimum, 32 x 1 bit, 32 x 4 bits
    {AFS_Q8_0, "q8_0", 32, 34},    // scale, 32 x 8 bits
    {AFS_Q4_K, "q4_K", 256, 144},  // 2 scales, 8 x (6 + 6) bits, 256 x 4 bits
    {AFS_Q5_K, "q5_K", 256, 176},  // 2 scales, 8 x (6 + 6) bits, 256 x 1 bit, 256 x 4 bits
    {AFS_Q6_K, "q6_K", 256, 210},  // 256 x 4 bits, 256 x 2 bits, 16 x 8 bits, scale
};

// nullptr: no block format, or one that is not known here.
inline const BlockFormat* block_format(int32_t dtype) {
    if (dtype < AFS_BLOCK) return nullptr;
    for (const BlockFormat& format : kBlockFormats)
        if (format.dtype == dtype) return &format;
    return nullptr;
}

}  // namespace afs
