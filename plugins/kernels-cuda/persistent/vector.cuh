// A vector that blocks of one launch hand to each other. Its words (two elements) lie there as
// their complement, and zero until they are written: no result that was rounded to its dtype is a
// word of ones, so a reader sees of each word whether it is there, and needs no fence. A counter of
// arrivals tells one thread when looking pays; nothing rests on it.
#pragma once
#include "kernels/element.cuh"
#include "stream/make_x.cuh"

namespace afs::cuda {

constexpr int kLooks = 1 << 26;  // before a wait counts as endless: a bug, and traps

__device__ inline void put_word(void* at, uint32_t word) {
    asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" ::"l"(at), "r"(~word) : "memory");
}
__device__ inline uint4 look_at(const uint4* at) {
    uint4 v;
    asm volatile("ld.relaxed.gpu.global.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(at)
                 : "memory");
    return v;
}
__device__ inline bool is_there(const uint4& v) {
    return v.x && v.y && v.z && v.w;
}

// N pieces of 16 bytes, asked for together; a NULL one is zeros.
template <int N>
__device__ void take_pieces(const uint4* const (&from)[N], uint4 (&to)[N]) {
    bool all = false;
    for (int looks = 0; !all; ++looks) {
        if (looks == kLooks) __trap();
        all = true;
#pragma unroll
        for (int i = 0; i < N; ++i) to[i] = from[i] ? look_at(from[i]) : uint4{~0u, ~0u, ~0u, ~0u};
#pragma unroll
        for (int i = 0; i < N; ++i) all = all && is_there(to[i]);
    }
#pragma unroll
    for (int i = 0; i < N; ++i) to[i] = {~to[i].x, ~to[i].y, ~to[i].z, ~to[i].w};
}

__device__ inline void arrive(uint32_t* counter) {
    asm volatile("red.relaxed.gpu.global.add.u32 [%0], 1;" ::"l"(counter) : "memory");
}
__device__ inline void wait_for_arrivals(const uint32_t* counter, uint32_t all) {
    uint32_t there = 0;
    for (int looks = 0; there < all; ++looks) {
        if (looks == kLooks) __trap();
        asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(there) : "l"(counter) : "memory");
    }
}

}  // namespace afs::cuda
