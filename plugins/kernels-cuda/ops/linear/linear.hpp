// The kernels behind linear/1: out[i, o] = sum over k of x[i, k] * weight[o, k], in fp32, rounded
// once to out's dtype.
#pragma once
#include <cuda_runtime_api.h>

#include "afs/kernels.hpp"

namespace afs::cuda {

struct LinearArgs {
    afs_tensor x, weight, out;  // [n, k], [m, k], [n, m]; n, m, k > 0
    cudaStream_t stream;
};

// Whether a kernel has what it needs of these tensors (dtypes, alignment of rows).
bool linear_few_fits(const LinearArgs& args);
bool linear_mma_fits(const LinearArgs& args);

// Any dtypes, shapes and strides: tiles in shared memory, fp32 arithmetic.
Status linear_any(const LinearArgs& args);
// Few tokens: a warp for each output, weights streamed 16 bytes a lane. Each token's sum is its
// own, whatever the others are.
Status linear_few(const LinearArgs& args);
// fp16 or bf16 throughout, on tensor cores. Each output is one sum in ascending k, whatever the
// tile: its bits do not depend on the number of tokens.
Status linear_mma(const LinearArgs& args);

}  // namespace afs::cuda
