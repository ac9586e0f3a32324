// Sums in one fixed order. Every long sum of this plugin is 16 partial sums, element i going to sum
// i % 16, combined pairwise (8+8, 4+4, 2+2, 1+1): the same bits whatever the width of the machine's
// vectors, the number of tokens and the way a prompt was cut.
#pragma once
#include <cstddef>
#include <cstdint>

namespace afs::reference {

constexpr size_t kLanes = 16;
constexpr size_t kTile = 4;  // rows that one pass over w serves

// Length of a widened row: whole groups of lanes, the tail being zeros.
constexpr size_t padded(size_t n) {
    return (n + kLanes - 1) / kLanes * kLanes;
}

// out[i] = sum over k of x[i * pitch + k] * w[k]; i < kTile; n a multiple of kLanes.
void dot_tile(const float* x, size_t pitch, const float* w, size_t n, float* out);
void dot_tile(const double* x, size_t pitch, const double* w, size_t n, double* out);
// One such sum: the same bits as in a tile.
float dot(const float* x, const float* w, size_t n);
double dot(const double* x, const double* w, size_t n);

// to[k] += factor * from[k], k < n; any n.
void add_scaled(float* to, float factor, const float* from, size_t n);
void add_scaled(double* to, double factor, const double* from, size_t n);

// Widens n elements of any real dtype, stride elements apart, and zeroes to[n .. padded(n)). Of a
// block format: n consecutive ones, whole blocks.
void widen_row(float* to, const void* from, int32_t dtype, size_t n, int64_t stride = 1);
void widen_row(double* to, const void* from, int32_t dtype, size_t n, int64_t stride = 1);

}  // namespace afs::reference
