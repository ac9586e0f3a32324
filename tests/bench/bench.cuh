// What the programs here share.
#pragma once
#include <cuda_bf16.h>

#include <cstdio>
#include <cstdlib>

#include "afs/abi/tensor.h"
#include "device/error.hpp"

namespace afs::cuda {

// Ends the program with a message where a call failed.
inline void need(const Status& status) {
    if (status.ok()) return;
    std::fprintf(stderr, "bench: %s\n", status.message().c_str());
    std::exit(1);
}
inline void need(cudaError_t error) {
    if (error != cudaSuccess) need(failure(error, "a call of the bench"));
}

// Between -scale and scale.
static __global__ void fill_kernel(__nv_bfloat16* to, uint64_t n, uint32_t seed, float scale) {
    for (uint64_t i = uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n;
         i += uint64_t{gridDim.x} * blockDim.x) {
        uint64_t h = (i + seed) * 0x9e3779b97f4a7c15ull;
        h ^= h >> 32, h *= 0xd6e8feb86659fd93ull, h ^= h >> 32;
        to[i] = __float2bfloat16((static_cast<float>(h & 0xffffff) / 0x800000 - 1.0f) * scale);
    }
}

// Its rows close together.
inline afs_tensor matrix(void* data, int64_t rows, int64_t columns) {
    afs_tensor t{};
    t.data = data;
    t.dtype = AFS_BF16;
    t.rank = 2;
    t.dims[0] = rows, t.dims[1] = columns, t.dims[2] = t.dims[3] = 1;
    t.strides[0] = columns, t.strides[1] = 1, t.strides[2] = t.strides[3] = 1;
    return t;
}

}  // namespace afs::cuda
