// How linear/1's weights lie in memory: 64 rows (outputs) a block, so that a step of depth reads
// all 64 side by side. Blocks follow each other; rows and depth are padded with zeros.
//   fp32, fp16   [rows / 64][depth][64]
//   bf16         [rows / 64][depth / 2][64][2]: dot products of pairs and tiles read it in place
//   block formats  codes and scales, see simd/code_layout.hpp
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>

#include "afs/abi/tensor.h"
#include "simd/kernels.hpp"

namespace afs::cpu {

// afs_tensor::format of a packed weight; its dtype says what the elements are.
constexpr uint32_t kPackedFormat = 1;

struct Packed {
    Packed(int32_t dtype, int64_t rows, int64_t depth);
    size_t padded_depth, n_blocks, block_bytes;
    size_t bytes() const { return n_blocks * block_bytes; }
    size_t column_bytes;  // from a column to the next inside a step of depth; 0: codes
    int32_t dtype;
    std::optional<Coding> coding;
};

// Packs rows [64 * block, ..) of a plain weight [rows, depth].
void pack_block(const Packed& packed, const afs_tensor& plain, size_t block, void* to);

// Row `row` of a packed weight, in its own dtype, of a block format in fp32.
void unpack_row(const Packed& packed, const void* weights, size_t row, size_t depth, void* to);

}  // namespace afs::cpu
