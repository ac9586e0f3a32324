// Input families that break kernels. A value follows from a seed and an index by integer arithmetic
// and a few sums, so a case is the same on every machine.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "conformance/cases/array.hpp"

namespace afs::conformance {

// Bits from a seed and an index (splitmix64).
uint64_t hash(uint64_t seed, uint64_t index);
// Of a text: FNV-1a, finished by hash.
uint64_t hash_text(const std::string& text);
// Close to N(0, 1), within 4.9 of 0.
double normal(uint64_t seed, uint64_t index);

struct Family {
    std::string name;
    std::function<double(size_t)> draw;
};

// normal uniform outlier-channels flat peaked tile-steps cancelling tiny subnormal largest needle
// infinite nan. width: of a row, which those with a structure follow (0: 97).
const std::vector<std::string>& family_names();
Family family(const std::string& name, int32_t dtype, uint64_t seed, size_t width = 0);
std::vector<Family> families(int32_t dtype, uint64_t seed, size_t width = 0);

Array random_array(int32_t dtype, std::vector<int64_t> dims, uint64_t seed, double scale = 1.0);

}  // namespace afs::conformance
