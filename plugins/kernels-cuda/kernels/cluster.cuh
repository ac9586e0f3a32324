// Blocks of a cluster (sm_90 and later): their rank, their barrier, each other's shared memory.
#pragma once
#include "kernels/mma.cuh"  // shared_address

namespace afs::cuda {

__device__ inline uint32_t cluster_rank() {
    uint32_t rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}
// Every thread of every block; what was written to shared memory before can be read after.
__device__ inline void cluster_sync() {
    asm volatile(
        "barrier.cluster.arrive.release.aligned;\n"
        "barrier.cluster.wait.acquire.aligned;" ::
            : "memory");
}
// The float that lies at `own` in this block, of the block with that rank.
__device__ inline float cluster_load(const float* own, uint32_t rank) {
    uint32_t address;
    float x;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;"
                 : "=r"(address)
                 : "r"(shared_address(own)), "r"(rank));
    asm volatile("ld.shared::cluster.f32 %0, [%1];" : "=f"(x) : "r"(address) : "memory");
    return x;
}

}  // namespace afs::cuda
