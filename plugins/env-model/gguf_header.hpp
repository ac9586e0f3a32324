// The header of a GGUF file: the metadata that the checks ask for, and whether the file is whole.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "safetensors_header.hpp"  // StoredTensor

namespace env_model {

struct GgufHeader {
    std::filesystem::path path;
    std::string problem;  // empty: the file is whole and its header makes sense
    uint32_t version = 0;
    uint64_t bytes = 0;
    std::map<std::string, std::string> texts;
    std::map<std::string, double> numbers;
    std::map<std::string, uint64_t> lengths;  // of arrays
    std::map<std::string, StoredTensor> tensors;
};

GgufHeader read_gguf(const std::filesystem::path& path);

}  // namespace env_model
