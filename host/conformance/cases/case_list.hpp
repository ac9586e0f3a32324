// The cases that every kernels plugin is judged by: op x dtypes x shape x input family.
#pragma once
#include <vector>

#include "conformance/cases/case_spec.hpp"

namespace afs::conformance {

// quick: every shape with two families, every family with two shapes. full: nearly all of them.
enum class Level { quick, full };

std::vector<CaseSpec> op_cases(const std::string& op, Level level);

// Any legal case, drawn by a number: op, dtypes, shape and family alike. op empty: any.
CaseSpec random_case(uint64_t number, const std::string& op = {});

// Families in which an op has one right answer: sums and squares of the largest numbers overflow
// before the result would, and inf - inf has none.
bool family_suits(const std::string& op, const std::string& family);

}  // namespace afs::conformance
