// Asks for weights that come next (see ahead.hpp).
#pragma once
#include "kernels/ahead.hpp"

namespace afs::cuda {

constexpr uint32_t kAheadPiece = 16 * 1024;  // of one request

// By one thread of each of n_blocks blocks: this block's slice of every range.
__device__ inline void fetch_ahead(const Ahead& ahead, uint32_t block, uint32_t n_blocks) {
#if __CUDA_ARCH__ >= 900
#pragma unroll
    for (int r = 0; r < kAheadRanges; ++r) {
        const uint32_t slice = (ahead.bytes[r] / 16 + n_blocks - 1) / n_blocks * 16;
        const uint32_t end = min((block + 1) * slice, ahead.bytes[r]);
        for (uint32_t at = block * slice; at < end; at += kAheadPiece)
            asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(ahead.at[r] + at),
                         "r"(min(kAheadPiece, end - at))
                         : "memory");
    }
#endif
}

}  // namespace afs::cuda
