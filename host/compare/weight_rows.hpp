// Rows of a weight as the graph means them: any element type as double, GGUF's head order undone.
#pragma once
#include <vector>

#include "afs/numeric.hpp"
#include "afs/weights/weight_set.hpp"
#include "planner/plan.hpp"

namespace afs {

// Appends row `row` [k] of a matrix, or all of a vector (row 0).
void append_weight_row(const Plan& plan, const Weight& weight, size_t row, std::vector<double>& to);

}  // namespace afs
