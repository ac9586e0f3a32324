// Elements of the three dtypes, widened to fp32 and rounded back to the nearest even one, alone or
// packed into the 16 bytes that a thread loads and stores at once.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

#include "afs/abi/tensor.h"
#include "afs/status.hpp"

namespace afs::cuda {

using bf16 = __nv_bfloat16;
using f16 = __half;

__device__ inline float widen(float x) {
    return x;
}
__device__ inline float widen(bf16 x) {
    return __bfloat162float(x);
}
__device__ inline float widen(f16 x) {
    return __half2float(x);
}

template <class T>
__device__ inline T narrow(float x);
template <>
__device__ inline float narrow<float>(float x) {
    return x;
}
template <>
__device__ inline bf16 narrow<bf16>(float x) {
    return __float2bfloat16_rn(x);
}
template <>
__device__ inline f16 narrow<f16>(float x) {
    return __float2half_rn(x);
}
// What storing x as T would keep of it.
template <class T>
__device__ inline float rounded(float x) {
    return widen(narrow<T>(x));
}

// N neighbours; of 16 bytes and more they are loaded in pieces of 16.
template <class T, int N>
struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) Pack {
    T at[N];
};
template <int N, class T>
__device__ inline Pack<T, N> load(const T* from) {
    return *reinterpret_cast<const Pack<T, N>*>(from);
}
template <int N, class T>
__device__ inline void store(T* to, const Pack<T, N>& pack) {
    *reinterpret_cast<Pack<T, N>*>(to) = pack;
}

// Eight 16-bit elements as the registers have them, and as fp32.
template <class T>
__device__ inline void unpack(const uint4& raw, float (&x)[8]) {
    const uint32_t words[] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        if constexpr (std::is_same_v<T, bf16>) {  // its upper half
            x[2 * i] = __uint_as_float(words[i] << 16);
            x[2 * i + 1] = __uint_as_float(words[i] & 0xffff0000u);
        } else {
            const float2 both = __half22float2(*reinterpret_cast<const __half2*>(&words[i]));
            x[2 * i] = both.x;
            x[2 * i + 1] = both.y;
        }
    }
}
template <class T>
__device__ inline uint32_t pack(float low, float high) {
    if constexpr (std::is_same_v<T, bf16>) {
        const __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
        return *reinterpret_cast<const uint32_t*>(&both);
    } else {
        const __half2 both = __floats2half2_rn(low, high);
        return *reinterpret_cast<const uint32_t*>(&both);
    }
}
template <class T>
__device__ inline uint4 pack(const float (&x)[8]) {
    return {pack<T>(x[0], x[1]), pack<T>(x[2], x[3]), pack<T>(x[4], x[5]), pack<T>(x[6], x[7])};
}

// Calls f(T{}) -> Status for the element type behind dtype.
template <class F>
Status dispatch(int32_t dtype, F&& f) {
    switch (dtype) {
        case AFS_F32: return f(float{});
        case AFS_BF16: return f(bf16{});
        case AFS_F16: return f(f16{});
        default: return invalid("dtype " + std::to_string(dtype) + ": expected fp32, bf16 or fp16");
    }
}

}  // namespace afs::cuda
