// The judges: each op's exact result, in extended precision, from the inputs as given (decoded to
// double), with the bounds of its elements. T below is out_dtype; a rounding that the op's id
// documents (a norm's x * r, silu, RoPE's tables and products) adds its own half ulp.
//
//   H  half_ulp(T, r) + u_int * S1 + c * sqrt(K) * u_acc * (S2 + P) + op term + documented
//   roundings
//      S1 = sum |terms|, S2 = sqrt(sum terms^2), P = the largest partial sum of the natural order
//      and of its even and odd halves. P is 0-ish for random signs; for terms of one sign it is
//      what a sequential accumulator's error grows with, and without it correct kernels are
//      rejected.
//      sqrt(K) becomes K / sqrt(D) where the terms have only D < K values (equal terms round
//      alike).
#pragma once
#include "afs/abi/graph.h"
#include "afs/bound/judged.hpp"

namespace afs::bound {

// x[n, k], w[m, k] -> [n, m]. operand_dtype: the wider of the two as stored; rounding them to
// internal_dtype is paid for only where that is narrower.
Judged judge_linear(const double* x, const double* w, size_t n, size_t m, size_t k,
                    int32_t operand_dtype, const Arithmetic& how);

// x[n, d], w[d] -> [n, d]
Judged judge_rms_norm(const double* x, const double* w, size_t n, size_t d,
                      const afs_rms_norm_params& params, const Arithmetic& how);

// x[n, width], positions[n] -> [n, width]
Judged judge_rope(const double* x, const int32_t* positions, size_t n, size_t width,
                  const afs_rope_params& params, const Arithmetic& how);

Judged judge_swiglu(const double* gate, const double* up, size_t n, size_t f,
                    const Arithmetic& how);
Judged judge_add(const double* a, const double* b, size_t n, size_t d, const Arithmetic& how);

// One query row of all heads, q[heads * head_dim], over its context k, v[context, kv_heads,
// head_dim] -> [1, heads * head_dim].
Judged judge_attention(const double* q, const double* k, const double* v, size_t context,
                       const afs_attention_params& params, const Arithmetic& how);

// Rows of one judgement under those of another.
void append(Judged& to, const Judged& rows);

}  // namespace afs::bound
