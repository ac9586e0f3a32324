#include "ops/linear/packed.hpp"

#include <algorithm>
#include <cstring>

#include "afs/numeric.hpp"
#include "ops/linear/codes.hpp"

namespace afs::cpu {
namespace {

constexpr size_t kPart = 64;  // depth at a time: what is written stays in the nearest cache

// E: the bits of one element, or of a pair.
template <class E>
void transpose(const afs_tensor& plain, size_t first_row, size_t n_rows, size_t depth, E* to) {
    for (size_t begin = 0; begin < depth; begin += kPart) {
        const size_t end = std::min(depth, begin + kPart);
        for (size_t c = 0; c < n_rows; ++c) {
            const auto* row =
                static_cast<const char*>(plain.data) +
                static_cast<size_t>(plain.strides[0]) * (first_row + c) * dtype_size(plain.dtype);
            for (size_t k = begin; k < end; ++k)
                std::memcpy(to + k * kColumns + c, row + k * sizeof(E), sizeof(E));
        }
    }
}

}  // namespace

Packed::Packed(int32_t type, int64_t rows, int64_t depth) : dtype(type), coding(coding_of(type)) {
    padded_depth = (static_cast<size_t>(depth) + kDepth - 1) / kDepth * kDepth;
    n_blocks = (static_cast<size_t>(rows) + kColumns - 1) / kColumns;
    block_bytes = padded_depth * kColumns * dtype_size(type);
    if (coding) block_bytes = code_bytes(*coding, padded_depth);
    column_bytes = dtype == AFS_BF16 ? 4 : dtype_size(type);
}

void pack_block(const Packed& packed, const afs_tensor& plain, size_t block, void* to) {
    const size_t first = block * kColumns, depth = static_cast<size_t>(plain.dims[1]);
    const size_t n = std::min(kColumns, static_cast<size_t>(plain.dims[0]) - first);
    if (packed.coding) return pack_codes(*packed.coding, plain, first, n, to);
    if (n < kColumns || depth < packed.padded_depth) std::memset(to, 0, packed.block_bytes);
    if (packed.dtype == AFS_F32) return transpose(plain, first, n, depth, static_cast<float*>(to));
    if (packed.dtype == AFS_F16)
        return transpose(plain, first, n, depth, static_cast<uint16_t*>(to));
    transpose(plain, first, n, depth / 2, static_cast<uint32_t*>(to));
    if (depth % 2 == 0) return;
    for (size_t c = 0; c < n; ++c)  // the last of an odd depth: its partner stays 0
        std::memcpy(static_cast<char*>(to) + ((depth / 2) * kColumns + c) * 4,
                    static_cast<const char*>(plain.data) +
                        (static_cast<size_t>(plain.strides[0]) * (first + c) + depth - 1) * 2,
                    2);
}

void unpack_row(const Packed& packed, const void* weights, size_t row, size_t depth, void* to) {
    const char* block = static_cast<const char*>(weights) + row / kColumns * packed.block_bytes;
    const size_t column = row % kColumns, size = dtype_size(packed.dtype);
    if (packed.coding)
        return unpack_codes(*packed.coding, block, column, depth, static_cast<float*>(to));
    if (packed.dtype != AFS_BF16) {
        for (size_t k = 0; k < depth; ++k)
            std::memcpy(static_cast<char*>(to) + k * size, block + (k * kColumns + column) * size,
                        size);
        return;
    }
    for (size_t k = 0; k < depth; ++k)
        std::memcpy(static_cast<char*>(to) + k * 2,
                    block + ((k / 2 * kColumns + column) * 2 + k % 2) * 2, 2);
}

}  // namespace afs::cpu
