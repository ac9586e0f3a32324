// Runs the conformance cases of one op on any backend and memory, and counts.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "conformance/cases/case_list.hpp"
#include "conformance/run/run_case.hpp"

namespace afs::test {

using Visit = std::function<void(const std::string& id, const conformance::OpCase& c)>;

// Calls visit with every full case of an op whose dtypes are among these, or one in `stride`.
// dtypes: of activations; stored: of weights and caches.
void each_case(const std::string& op, const std::vector<int32_t>& dtypes,
               const std::vector<int32_t>& stored, const Visit& visit, size_t stride = 1);

struct Tally {
    size_t listed = 0, judged = 0, declined = 0, failed = 0;
    std::vector<std::string> failures;  // the first few, each with what was wrong
    std::string text(const std::string& op) const;
};

Tally run_suite(KernelBackend& backend, const std::string& op, const std::vector<int32_t>& dtypes,
                const std::vector<int32_t>& stored, Device* device = nullptr, size_t stride = 1);

}  // namespace afs::test
