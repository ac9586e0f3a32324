// Sums over a warp and over a block, always in the same order: the same bits on every run.
#pragma once

namespace afs::cuda {

__device__ inline float warp_sum(float x) {
#pragma unroll
    for (int lane = 16; lane > 0; lane /= 2) x += __shfl_xor_sync(0xffffffffu, x, lane);
    return x;
}
__device__ inline float warp_max(float x) {
#pragma unroll
    for (int lane = 16; lane > 0; lane /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, lane));
    return x;
}

// Every thread of a block of whole warps (at most 32) gets the sum.
__device__ inline float block_sum(float x) {
    __shared__ float of_warp[32];
    const unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    x = warp_sum(x);
    if (lane == 0) of_warp[warp] = x;
    __syncthreads();
    x = lane < blockDim.x / 32 ? of_warp[lane] : 0.0f;
    __syncthreads();  // of_warp may be written again by the next call
    return warp_sum(x);
}

}  // namespace afs::cuda
