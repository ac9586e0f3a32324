// Writes one safetensors file.
#pragma once
#include <vector>

#include "weights/convert/target_tensor.hpp"

namespace afs::convert {

Status write_safetensors(const std::vector<TargetTensor>& tensors,
                         const std::filesystem::path& file,
                         const std::function<bool(uint64_t)>& progress);

}  // namespace afs::convert
