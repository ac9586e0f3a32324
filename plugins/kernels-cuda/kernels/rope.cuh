// One pair of rope/1: its frequency, cosine and sine at a position, and the turn.
//
// The angle is the fp32 product of afs/rope.hpp; its cosine and sine are taken in fp64, so that
// position 131071 is as exact as position 0, then rounded to fp32, and to T where the op's tables
// are of the activations' dtype.
#pragma once
#include "kernels/element.cuh"
#include "kernels/rope_frequencies.hpp"

namespace afs::cuda {

template <class T>
__device__ inline float2 rope_cos_sin(int32_t position, float inv_freq, bool table_in_act_dtype) {
    const float angle = __fmul_rn(static_cast<float>(position), inv_freq);
    double c, s;
    sincos(static_cast<double>(angle), &s, &c);
    const float2 exact = {static_cast<float>(c), static_cast<float>(s)};
    return table_in_act_dtype ? float2{rounded<T>(exact.x), rounded<T>(exact.y)} : exact;
}

// The pair (a, b) = (x[j], x[j + head_dim / 2]) turned: each product is rounded where the tables
// are of the activations' dtype, else only the result is.
template <class T>
__device__ inline void rope_turn(T& a, T& b, float2 cos_sin, bool table_in_act_dtype) {
    const float x = widen(a), y = widen(b), c = cos_sin.x, s = cos_sin.y;
    if (table_in_act_dtype) {
        a = narrow<T>(rounded<T>(__fmul_rn(x, c)) - rounded<T>(__fmul_rn(y, s)));
        b = narrow<T>(rounded<T>(__fmul_rn(y, c)) + rounded<T>(__fmul_rn(x, s)));
    } else {
        a = narrow<T>(x * c - y * s);
        b = narrow<T>(y * c + x * s);
    }
}

}  // namespace afs::cuda
