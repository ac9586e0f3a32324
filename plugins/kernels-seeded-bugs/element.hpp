// Elements of the three real dtypes as floats, and back: rounded, or cut by those bugs that cut.
#pragma once
#include <cmath>
#include <vector>

#include "afs/kernels.hpp"
#include "afs/numeric.hpp"

namespace afs::seeded {

using Row = std::vector<float>;

inline float load(const void* data, int32_t dtype, int64_t i) {
    if (dtype == AFS_BF16) return to_float(static_cast<const bf16*>(data)[i]);
    if (dtype == AFS_F16) return to_float(static_cast<const f16*>(data)[i]);
    return static_cast<const float*>(data)[i];
}
inline void store(void* data, int32_t dtype, int64_t i, float x) {
    if (dtype == AFS_BF16)
        static_cast<bf16*>(data)[i] = to_bf16(x);
    else if (dtype == AFS_F16)
        static_cast<f16*>(data)[i] = to_f16(x);
    else
        static_cast<float*>(data)[i] = x;
}
// x as an element of dtype would keep it.
inline float rounded(float x, int32_t dtype) {
    float kept = 0;
    store(&kept, dtype, 0, x);
    return load(&kept, dtype, 0);
}
// The next element of dtype towards zero.
inline float cut(float x, int32_t dtype) {
    const float near = rounded(x, dtype);
    if (!std::isfinite(x) || std::abs(near) <= std::abs(x)) return near;
    if (dtype == AFS_BF16) return to_float(bf16{static_cast<uint16_t>(to_bf16(x).bits - 1)});
    if (dtype == AFS_F16) return to_float(f16{static_cast<uint16_t>(to_f16(x).bits - 1)});
    return near;
}
inline int64_t width(const afs_tensor& t) {
    return t.dims[t.rank - 1];
}
inline Row row_of(const afs_tensor& t, int64_t i) {
    Row row(static_cast<size_t>(width(t)));
    const int64_t first = t.rank == 1 ? 0 : i * t.strides[0];
    for (size_t j = 0; j < row.size(); ++j)
        row[j] = load(t.data, t.dtype, first + static_cast<int64_t>(j));
    return row;
}
inline void put(const afs_tensor& t, int64_t i, int64_t j, float x) {
    store(t.data, t.dtype, i * t.strides[0] + j, x);
}
inline void put_row(const afs_tensor& t, int64_t i, const Row& row) {
    for (size_t j = 0; j < row.size(); ++j) put(t, i, static_cast<int64_t>(j), row[j]);
}

}  // namespace afs::seeded
