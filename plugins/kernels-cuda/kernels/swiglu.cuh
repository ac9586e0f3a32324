// One element of swiglu/1, alone or at the end of a product.
#pragma once
#include "kernels/element.cuh"

namespace afs::cuda {

// x / (1 + exp(-x)). For fp32 in fp64: expf's error leans one way, which a result of 24 digits
// shows.
template <class T>
__device__ inline float silu(float x) {
    if constexpr (std::is_same_v<T, float>)
        return static_cast<float>(x / (1.0 + exp(-static_cast<double>(x))));
    else
        return x / (1.0f + expf(-x));
}

template <class T>
__device__ inline T swiglu(T gate, T up) {
    return narrow<T>(rounded<T>(silu<T>(widen(gate))) * widen(up));
}

}  // namespace afs::cuda
