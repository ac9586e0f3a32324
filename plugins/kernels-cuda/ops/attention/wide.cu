#include "kernels/rows.cuh"
#include "ops/attention/attention.hpp"

namespace afs::cuda {
namespace {

// Whether every vector of a side may be loaded 16 bytes at a time.
bool wide_side(const void* data, const int64_t (&stride)[4]) {
    return reinterpret_cast<uintptr_t>(data) % 16 == 0 && stride[0] % 8 == 0 &&
           stride[1] % 8 == 0 && stride[2] % 8 == 0 && stride[3] == 1;
}

}  // namespace

bool attention_is_wide(const AttentionArgs& a) {
    const int32_t dtype = a.out.dtype;
    const uint32_t head_dim = a.params.head_dim;
    return (dtype == AFS_BF16 || dtype == AFS_F16) && a.layout.dtype == dtype &&
           (head_dim == 64 || head_dim == 128) && is_wide(a.q) && is_wide(a.out) &&
           wide_side(a.k, a.layout.k_stride) && wide_side(a.v, a.layout.v_stride);
}

}  // namespace afs::cuda
