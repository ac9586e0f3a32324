// Weights of the block formats (afs/block_format.hpp) as packed codes (simd/code_layout.hpp).
#pragma once
#include <optional>

#include "ops/linear/packed.hpp"

namespace afs::cpu {

// How a block format is packed; nothing for other dtypes.
std::optional<Coding> coding_of(int32_t dtype);

size_t code_bytes(Coding coding, size_t depth);  // of a block of 64 columns

// As pack_block and unpack_row, of codes. What lies beyond the rows is zeroed before.
void pack_codes(Coding coding, const afs_tensor& plain, size_t first_row, size_t n_rows, void* to);
void unpack_codes(Coding coding, const void* block, size_t column, size_t depth, float* to);

}  // namespace afs::cpu
