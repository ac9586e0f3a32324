// One element of swiglu/1, alone or at the end of a product.
#pragma once
#include "kernels/element.cuh"

namespace afs::cuda {

template <class T>
__device__ inline T swiglu(T gate, T up) {
    const float x = widen(gate);
    return narrow<T>(rounded<T>(x / (1.0f + expf(-x))) * widen(up));
}

}  // namespace afs::cuda
