// One pair of rope/1: its frequency, cosine and sine at a position, and the turn.
//
// The angle is the fp32 product of afs/rope.hpp; its cosine and sine are taken in fp64, so that
// position 131071 is as exact as position 0, then rounded to fp32, and to T where the op's tables
// are of the activations' dtype.
#pragma once
#include "kernels/element.cuh"
#include "kernels/rope_frequencies.hpp"

namespace afs::cuda {

// Cosine and sine of an angle below 2^31 in fp64, to about 1e-13: a reduction to [-pi/4, pi/4] and
// Taylor's polynomials, without the branches that the library has for larger angles.
__device__ inline double2 cos_sin_fp64(double angle) {
    const double quarter = rint(angle * 0.63661977236758134308);
    double r = fma(-quarter, 1.57079632679489655800, angle);
    r = fma(-quarter, 6.12323399573676603587e-17, r);
    const double x = r * r;
    double s = 1.0 / 6227020800.0;
    s = fma(s, x, -1.0 / 39916800.0);
    s = fma(s, x, 1.0 / 362880.0);
    s = fma(s, x, -1.0 / 5040.0);
    s = fma(s, x, 1.0 / 120.0);
    s = fma(s, x, -1.0 / 6.0);
    s = fma(s * x, r, r);
    double c = -1.0 / 87178291200.0;
    c = fma(c, x, 1.0 / 479001600.0);
    c = fma(c, x, -1.0 / 3628800.0);
    c = fma(c, x, 1.0 / 40320.0);
    c = fma(c, x, -1.0 / 720.0);
    c = fma(c, x, 1.0 / 24.0);
    c = fma(c, x, -0.5);
    c = fma(c, x, 1.0);
    const int turns = static_cast<int>(static_cast<long long>(quarter) & 3);
    const double cosine = turns % 2 ? s : c, sine = turns % 2 ? c : s;
    return {turns == 1 || turns == 2 ? -cosine : cosine, turns >= 2 ? -sine : sine};
}

template <class T>
__device__ inline float2 rope_cos_sin(int32_t position, float inv_freq, bool table_in_act_dtype) {
    const float angle = __fmul_rn(static_cast<float>(position), inv_freq);
    const double2 both = cos_sin_fp64(angle);
    const float2 exact = {static_cast<float>(both.x), static_cast<float>(both.y)};
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
