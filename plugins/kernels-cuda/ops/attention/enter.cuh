// What stands between the products of q, k and v and attention: the norms of whole rows (OLMo-2)
// and RoPE, eight pairs of a row at a time.
#pragma once
#include "kernels/overlap.cuh"
#include "kernels/reduce.cuh"
#include "kernels/rope.cuh"

namespace afs::cuda {

// This thread's part of the sum of squares of a row of n elements.
template <int kThreads, class T>
__device__ float squares_of(const T* row, uint32_t n) {
    float sum = 0;
#pragma unroll 4
    for (uint32_t i = threadIdx.x * 8; i < n; i += kThreads * 8) {
        float x[8];
        unpack<T>(fresh_load16(row + i), x);
#pragma unroll
        for (const float each : x) sum += each * each;
    }
    return sum;
}
// 1 / RMS of it, in every thread.
template <int kThreads, class T>
__device__ float inverse_rms(const T* row, uint32_t n, float eps) {
    return 1.0f / sqrtf(block_sum(squares_of<kThreads>(row, n)) / static_cast<float>(n) + eps);
}

template <class T>
__device__ T normed(T x, T weight, float r, bool before_cast) {
    const float scaled = widen(x) * r;
    return narrow<T>(widen(weight) * (before_cast ? scaled : rounded<T>(scaled)));
}

// Eight pairs of a row: 8 neighbouring elements and those half a head further.
template <class T>
struct Pairs {
    union Eight {
        uint4 raw;
        Pack<T, 8> pack;
    };
    Eight low, high, low_norm, high_norm;

    // A raw row's, from `at` on, with the norm's weights where there is a norm.
    __device__ void load(const T* row, uint32_t at, uint32_t half, const T* norm) {
        low.raw = fresh_load16(row + at);
        high.raw = fresh_load16(row + at + half);
        if (!norm) return;
        low_norm.raw = __ldg(reinterpret_cast<const uint4*>(norm + at));
        high_norm.raw = __ldg(reinterpret_cast<const uint4*>(norm + at + half));
    }
    // Normed by r = 1 / RMS of the whole row, and turned by the table's entries.
    __device__ void enter(bool norm, float r, bool before_cast, const float2* table,
                          bool in_act_dtype) {
#pragma unroll
        for (int e = 0; e < 8; ++e) {
            if (norm) {
                low.pack.at[e] = normed(low.pack.at[e], low_norm.pack.at[e], r, before_cast);
                high.pack.at[e] = normed(high.pack.at[e], high_norm.pack.at[e], r, before_cast);
            }
            rope_turn(low.pack.at[e], high.pack.at[e], table[e], in_act_dtype);
        }
    }
};

}  // namespace afs::cuda
