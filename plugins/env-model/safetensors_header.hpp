// The header of a .safetensors file: which tensors, and whether the file is whole.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace env_model {

struct StoredTensor {
    std::string dtype;           // as the file says: "BF16"
    std::vector<uint64_t> dims;  // GGUF: in the order of safetensors, rows first
};

struct SafetensorsHeader {
    std::string problem;  // empty: the file is whole and its header makes sense
    uint64_t bytes = 0;   // of the file
    std::map<std::string, StoredTensor> tensors;
};

SafetensorsHeader read_safetensors(const std::filesystem::path& path);

}  // namespace env_model
