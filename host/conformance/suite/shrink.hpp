// From a failing case to the smallest one that fails the same way.
#pragma once
#include <chrono>
#include <functional>

#include "conformance/cases/case_spec.hpp"
#include "conformance/report/case_result.hpp"

namespace afs::conformance {

using RunCase = std::function<CaseResult(const std::string& id)>;

struct Shrunk {
    CaseSpec spec;
    CaseResult result;
    size_t n_runs = 0;
};

// Ends where no smaller neighbour fails, after most_runs, or when time is over.
Shrunk shrink(const CaseSpec& failing, const CaseResult& result, const RunCase& run,
              size_t most_runs, std::chrono::steady_clock::time_point end);

}  // namespace afs::conformance
