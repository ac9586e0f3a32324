// A matrix of contiguous rows as kernels take it, and whether its rows may be read 16 bytes at a
// time.
#pragma once
#include "afs/numeric.hpp"  // dtype_size
#include "kernels/element.cuh"

namespace afs::cuda {

template <class T>
struct Rows {
    T* data;
    int64_t stride;  // from row to row, in elements

    __device__ T* row(int64_t i) const { return data + i * stride; }
};

template <class T>
Rows<T> rows_of(const afs_tensor& t) {
    return {static_cast<T*>(t.data), t.strides[0]};
}

constexpr int kWide = 8;  // elements that a thread takes at once where rows allow it

// True where every piece of kWide elements of every row starts on 16 bytes.
inline bool is_wide(const afs_tensor& t) {
    const bool pieces = t.dims[t.rank - 1] % kWide == 0;
    const bool starts =
        reinterpret_cast<uintptr_t>(t.data) % 16 == 0 &&
        (t.rank < 2 || t.strides[0] * static_cast<int64_t>(dtype_size(t.dtype)) % 16 == 0);
    return pieces && starts;
}

// Calls f(integral_constant<int, kWide or 1>) -> Status.
template <class F>
Status dispatch_width(bool wide, F&& f) {
    return wide ? f(std::integral_constant<int, kWide>{}) : f(std::integral_constant<int, 1>{});
}

// Blocks of `threads` threads, each with `width` elements of a row: rows by x, pieces by y.
inline dim3 grid_of_rows(int64_t rows, int64_t cols, int threads, int width) {
    const int64_t per_block = int64_t{threads} * width;
    return dim3(static_cast<unsigned>(rows),
                static_cast<unsigned>((cols + per_block - 1) / per_block));
}

}  // namespace afs::cuda
