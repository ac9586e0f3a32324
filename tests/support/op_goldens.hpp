// The goldens of tools/goldens/ops.py: cases with torch's output, for any backend's tests.
#pragma once
#include <string>
#include <vector>

#include "conformance/run/run_case.hpp"

namespace afs::test {

using namespace conformance;

struct Golden {
    std::string name;  // "rope/1: llama plain 0 bf16 64"
    OpCase c;
    Array want;  // what torch gave
};

// Numbers in [-1, 1) times a scale, rounded to fp32 and then to dtype: ops.py's `array`.
Array seeded(int32_t dtype, std::vector<int64_t> dims, uint64_t seed, double scale);

// block_size: of the cache that attention cases read.
std::vector<Golden> op_goldens(const std::string& folder, uint32_t block_size = 16);

}  // namespace afs::test
