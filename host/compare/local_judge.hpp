// Judges each node of a run alone, on the inputs that it really had: its output against what exact
// arithmetic gives for them, with the bound that follows from how its kernel says it computes.
#pragma once
#include <string>

#include "afs/bound/verdict.hpp"
#include "afs/weights/weight_set.hpp"
#include "planner/plan.hpp"
#include "trace/values.hpp"

namespace afs {

struct NodeVerdict {
    bool judged = false;
    std::string skipped;  // why it was not judged
    bound::Verdict verdict;
    bool ok = true;
    // Where it is wrong: "rows 64 to 127", "looks scaled by 1.01".
    std::string looks_like;
    size_t n_elements = 0;
};

// One node that runs singly. `values` holds its inputs and output over a whole prompt, `ids`, from
// position 0 on. Of large products a part of the columns is judged, chosen by node, up to about
// `most` multiplications.
NodeVerdict judge_node(const Plan& plan, const WeightSet& weights, const Unit& unit,
                       const std::vector<int32_t>& ids, const TracedValues& values, double most);

}  // namespace afs
