// Matrix tiles of the plugin on a model in plain C++, with the loops that simd/amx.cpp runs: most
// machines have none.
#pragma once
#include "simd/kernels.hpp"

namespace afs::cpu {

// multiply_tiles and what goes with it; no other kernel.
Kernels model_tiles();
// Whether a register was used so far in a way that faults or is undefined.
bool model_tiles_misused();

}  // namespace afs::cpu
