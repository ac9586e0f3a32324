// The paged KV cache as kernels address it: a layout's strides, in elements, whatever they are.
#pragma once
#include "afs/abi/step.h"
#include "kernels/element.cuh"

namespace afs::cuda {

struct CacheStride {
    int64_t block, head, slot, dim;

    explicit CacheStride(const int64_t (&s)[4]) : block(s[0]), head(s[1]), slot(s[2]), dim(s[3]) {}
    // The first element of a head's vector at a slot of a block.
    __device__ int64_t at(int64_t in_block, int64_t in_head, int64_t in_slot) const {
        return in_block * block + in_head * head + in_slot * slot;
    }
};

// Of a block_size that is a power of two; else 32.
inline uint32_t shift_of(uint32_t block_size) {
    uint32_t shift = 0;
    while (shift < 32 && uint64_t{1} << shift != block_size) ++shift;
    return shift;
}

// The sequence that token i belongs to: the last s with cu_seqlens[s] <= i. n_seqs where it is
// padding.
__device__ inline uint32_t sequence_of(const int32_t* cu_seqlens, uint32_t n_seqs, int32_t token) {
    if (token >= cu_seqlens[n_seqs]) return n_seqs;
    uint32_t low = 0, high = n_seqs;  // cu_seqlens[low] <= token < cu_seqlens[high]
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        if (cu_seqlens[middle] <= token)
            low = middle;
        else
            high = middle;
    }
    return low;
}

}  // namespace afs::cuda
