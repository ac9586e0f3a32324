// Tensor cores multiply numbers of the cache's dtype. A weight that shall lose nothing goes into
// its product with v as the sum of several.
#pragma once
#include "kernels/element.cuh"

namespace afs::cuda {

template <class T>
constexpr int kParts = 2;
template <>
constexpr int kParts<bf16> = 3;

}  // namespace afs::cuda
