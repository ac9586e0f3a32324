// The shapes of each op: 1, tiles and their neighbours, primes, the real models' widths; pages and
// their edges; groups of 1 to 8 heads. The first kKeyShapes of an op meet every family.
#pragma once
#include <vector>

#include "conformance/cases/case_spec.hpp"

namespace afs::conformance {

constexpr size_t kKeyShapes = 2;

struct Shape {
    CaseSpec spec;       // op and params
    bool large = false;  // few families, and none in quick but the first large one
};

std::vector<Shape> shapes_of(const std::string& op);

}  // namespace afs::conformance
