// Elements of the four real dtypes: widened to the arithmetic type, rounded back. T is the dtype of
// the activations, Acc<T> what is computed in: fp64 for fp64 (the judge mode), else fp32.
#pragma once
#include <type_traits>

#include "afs/numeric.hpp"
#include "afs/status.hpp"

namespace afs::reference {

template <class T>
using Acc = std::conditional_t<std::is_same_v<T, double>, double, float>;

template <class A, class T>
A widen(T x) {
    if constexpr (std::is_same_v<T, double>)
        return static_cast<A>(x);
    else
        return static_cast<A>(to_float(x));
}
template <class T>
T narrow(Acc<T> x) {
    if constexpr (std::is_same_v<T, double>)
        return x;
    else
        return from_float<T>(x);
}
// What storing x as T would keep of it.
template <class T>
Acc<T> rounded(Acc<T> x) {
    return widen<Acc<T>>(narrow<T>(x));
}

inline int32_t acc_dtype(int32_t dtype) {
    return dtype == AFS_F64 ? AFS_F64 : AFS_F32;
}

inline int32_t dtype_of(float) {
    return AFS_F32;
}
inline int32_t dtype_of(bf16) {
    return AFS_BF16;
}
inline int32_t dtype_of(f16) {
    return AFS_F16;
}
inline int32_t dtype_of(double) {
    return AFS_F64;
}

// Calls f(T{}) -> Status for the element type behind dtype.
template <class F>
Status dispatch(int32_t dtype, F&& f) {
    switch (dtype) {
        case AFS_F32: return f(float{});
        case AFS_BF16: return f(bf16{});
        case AFS_F16: return f(f16{});
        case AFS_F64: return f(double{});
        default:
            return invalid("dtype " + std::to_string(dtype) +
                           ": expected fp32, bf16, fp16 or fp64");
    }
}

// Address of element i of an array of dtype; of a block format: of the block that it begins.
inline const void* element(const void* data, int32_t dtype, int64_t i) {
    const BlockFormat* block = block_format(dtype);
    return static_cast<const char*>(data) + (block ? i / block->elements * block->bytes
                                                   : i * static_cast<int64_t>(dtype_size(dtype)));
}

}  // namespace afs::reference
