// linear/1 by matrix tiles: activations of bf16, weights of bf16 or of codes (simd/tiles.hpp).
#pragma once
#include "afs/abi/tensor.h"
#include "machine/pool.hpp"
#include "ops/linear/packed.hpp"

namespace afs::cpu {

// Bytes that multiply_by_tiles() needs.
size_t tile_workspace(const Packed& packed, size_t n_threads);

// out[n, packed rows] = x[n, depth] times the weight, packed or plain. A row's bits do not depend
// on the number of rows or threads.
void multiply_by_tiles(const Kernels& kernels, Pool& pool, const Packed& packed,
                       const afs_tensor& x, const afs_tensor& weight, const afs_tensor& out,
                       void* workspace);

}  // namespace afs::cpu
