// What a judge says of an op's output: for each element the value r that exact arithmetic gives and
// how far a correct kernel may be from it. The bound follows from how the kernel says it computes;
// nobody types a tolerance.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace afs::bound {

// How a kernel computes: afs_verdict's words, and what the node says of its tensors.
struct Arithmetic {
    int32_t acc_dtype;       // accumulator
    int32_t internal_dtype;  // what operands are rounded to inside
    int32_t out_dtype;       // of the output, the op's T
    uint32_t flags = 0;      // AFS_FLUSH_SUBNORMALS, AFS_TENSOR_CORE, AFS_ROUNDED_WEIGHTS
};

// Per element, row-major [rows, cols].
struct Judged {
    size_t rows = 0, cols = 0;
    int32_t out_dtype = 0;
    std::vector<double> want;    // r
    std::vector<double> bound;   // H: |y - r| may not exceed it
    std::vector<double> spread;  // RMS that independent errors are expected to have
    std::vector<double> shared;  // RMS of errors that neighbours may share (tables, operands)
    // What the op's own roundings make of r; empty: not known. Where rows resemble each other, as
    // those of a repeated token do, these lean one way, in a column of a right kernel too.
    std::vector<double> rounded;
};

// Unit roundoff: half the distance of neighbours at 1. fp32 2^-24, fp16 2^-11, bf16 2^-8; a
// block format's values are fp32.
double unit_roundoff(int32_t dtype);
// Half the distance of neighbours at x, subnormals included.
double half_ulp(int32_t dtype, double x);
// The nearest value of dtype, of two the even one; beyond the largest: as if there were more.
double nearest_value(int32_t dtype, double x);
double smallest_normal(int32_t dtype);
double largest_finite(int32_t dtype);

}  // namespace afs::bound
