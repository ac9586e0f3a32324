// Programmatic dependent launch (sm_90 and later): a kernel starts while the one before it on the
// stream still runs, and waits where it needs its results.
#pragma once
#include "kernels/element.cuh"

namespace afs::cuda {

// The next kernel on the stream may start.
__device__ inline void let_next_start() {
    asm volatile("griddepcontrol.launch_dependents;");
}
// Until every kernel before this one on the stream is over. Every kernel that lets the next one
// start calls this too, so "the one before" stands for all of them.
__device__ inline void wait_for_previous() {
    asm volatile("griddepcontrol.wait;" ::: "memory");
}

// N elements (16 bytes) that a kernel before this one may have written: not from this SM's own
// cache, which may be older.
template <int N, class T>
__device__ inline Pack<T, N> fresh_load(const T* from) {
    static_assert(N * sizeof(T) == 16);
    union {
        uint4 raw;
        Pack<T, N> pack;
    } v;
    v.raw = __ldcg(reinterpret_cast<const uint4*>(from));
    return v.pack;
}

}  // namespace afs::cuda
