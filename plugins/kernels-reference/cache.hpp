// Where a slot of the paged KV cache lies: the layout's strides, in elements, whatever they are.
#pragma once
#include <cstdint>

namespace afs::reference {

// stride: block, kv_head, slot, dim
inline int64_t cache_index(const int64_t (&stride)[4], int64_t block, int64_t head,
                           int64_t offset) {
    return block * stride[0] + head * stride[1] + offset * stride[2];
}

}  // namespace afs::reference
