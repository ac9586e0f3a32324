// Writes traced values for other programs: .npy (one value) or .safetensors (any number), fp32.
#pragma once
#include "trace/values.hpp"

namespace afs {

// The ending decides; INVALID: another one, or several values for one .npy.
Status write_tensors(const std::string& path, const TracedValues& values);

}  // namespace afs
