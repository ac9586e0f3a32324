// What stands between the products of q, k and v and attention: the norms of whole rows (OLMo-2)
// and RoPE, eight pairs of a row at a time.
#pragma once
#include "kernels/overlap.cuh"
#include "kernels/reduce.cuh"
#include "kernels/rope.cuh"

namespace afs::cuda {

// 1 / RMS of a row of n elements; in every thread.
template <int kThreads, class T>
__device__ float inverse_rms(const T* row, uint32_t n, float eps) {
    float sum = 0;
#pragma unroll 4
    for (uint32_t i = threadIdx.x * 8; i < n; i += kThreads * 8) {
        float x[8];
        unpack<T>(fresh_load16(row + i), x);
#pragma unroll
        for (const float each : x) sum += each * each;
    }
    return 1.0f / sqrtf(block_sum(sum) / static_cast<float>(n) + eps);
}

template <class T>
__device__ T normed(T x, T weight, float r, bool before_cast) {
    const float scaled = widen(x) * r;
    return narrow<T>(widen(weight) * (before_cast ? scaled : rounded<T>(scaled)));
}

// Eight pairs of a raw row, from `at` and from `at` + half on: normed where there is a norm, and
// turned by the table's entries from j on. As the registers have them.
template <class T>
__device__ void enter(const T* row, uint32_t at, uint32_t half, const T* norm, float r,
                      bool before_cast, const float2* table, bool in_act_dtype, uint4& low,
                      uint4& high) {
    union Eight {
        uint4 raw;
        Pack<T, 8> pack;
    } a, b;
    a.raw = fresh_load16(row + at);
    b.raw = fresh_load16(row + at + half);
#pragma unroll
    for (int e = 0; e < 8; ++e) {
        if (norm) {
            a.pack.at[e] = normed(a.pack.at[e], norm[at + e], r, before_cast);
            b.pack.at[e] = normed(b.pack.at[e], norm[at + half + e], r, before_cast);
        }
        rope_turn(a.pack.at[e], b.pack.at[e], table[e], in_act_dtype);
    }
    low = a.raw;
    high = b.raw;
}

}  // namespace afs::cuda
