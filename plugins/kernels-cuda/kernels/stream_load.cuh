// Loads of memory that is read once: past the L1 cache, through the read-only path. Not for what a
// kernel that may still run has written.
#pragma once
#include "kernels/element.cuh"

namespace afs::cuda {

__device__ inline uint4 stream_load16(const void* from) {
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(from));
    return v;
}

// N elements from an address on 16 bytes, N * sizeof(T) a multiple of 16.
template <int N, class T>
__device__ inline Pack<T, N> stream_load(const T* from) {
    constexpr int kLoads = N * sizeof(T) / 16;
    union {
        uint4 raw[kLoads];
        Pack<T, N> pack;
    } v;
#pragma unroll
    for (int i = 0; i < kLoads; ++i)
        v.raw[i] = stream_load16(reinterpret_cast<const uint4*>(from) + i);
    return v.pack;
}

}  // namespace afs::cuda
