// Plain tensors of any element type as fp32, for the host's sampler, taps and logits.
#pragma once
#include <cstddef>
#include <cstdint>

namespace afs {

// n elements of dtype at `from` as fp32; fp64 is rounded, int32 converted.
void to_floats(const void* from, int32_t dtype, size_t n, float* to);

}  // namespace afs
