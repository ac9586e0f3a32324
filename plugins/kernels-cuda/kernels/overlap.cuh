// Programmatic dependent launch (nothing before sm_90): a kernel starts while the one before it on
// the stream still runs, and waits where it needs its results.
#pragma once
#include "kernels/element.cuh"

namespace afs::cuda {

// The next kernel on the stream may start.
__device__ inline void let_next_start() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;");
#endif
}
// Until every kernel before this one on the stream is over. Every kernel that lets the next one
// start calls this too, so "the one before" stands for all of them.
__device__ inline void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// 16 bytes that a kernel before this one may have written: not from this SM's own cache, which may
// be older.
__device__ inline uint4 fresh_load16(const void* from) {
    return __ldcg(static_cast<const uint4*>(from));
}

}  // namespace afs::cuda
