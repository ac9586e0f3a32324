// Which nodes must run on the test's kernels for the result to be wrong: the smallest set found by
// giving the others back to the base's.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "compare/side_judge.hpp"
#include "compare/sides.hpp"

namespace afs {

// Nodes that the two plans place differently, in any class: another backend, or claimed or not.
std::vector<uint32_t> differing_nodes(const Plan& base, const Plan& test);

// Delta debugging: the smallest subset of `all` for which `wrong` still says yes, asked at most
// `most` times. Minimal when it was not cut short: no single member can be left out.
struct SmallestSet {
    std::vector<uint32_t> nodes;
    uint32_t n_runs = 0;
    bool minimal = false;
};
Result<SmallestSet> smallest_set(
    const std::vector<uint32_t>& all,
    const std::function<Result<bool>(const std::vector<uint32_t>&)>& wrong, uint32_t most);

// The pins that leave only `nodes` of `differing` on the test's backends.
std::vector<std::pair<std::string, std::string>> pins_for(const Plan& base, const Plan& test,
                                                          const std::vector<uint32_t>& differing,
                                                          const std::vector<uint32_t>& nodes);

}  // namespace afs
