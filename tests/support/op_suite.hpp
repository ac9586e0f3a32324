// The must-list of a kernels plugin: every op x dtype x shape x input family, run and judged on any
// backend and memory. A case's name replays it.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "support/op_harness.hpp"

namespace afs::test {

using Visit = std::function<void(const std::string& name, const OpCase& c)>;

// Calls visit with every case of one op. dtypes: of activations; stored: of weights and caches.
void each_case(const std::string& op, const std::vector<int32_t>& dtypes,
               const std::vector<int32_t>& stored, const Visit& visit);

struct Tally {
    size_t listed = 0, judged = 0, declined = 0, failed = 0;
    std::vector<std::string> failures;  // the first few, each with what was wrong
    std::string text(const std::string& op) const;
};

// Runs every case of an op, or one in `stride`.
Tally run_suite(KernelBackend& backend, const std::string& op, const std::vector<int32_t>& dtypes,
                const std::vector<int32_t>& stored, Device* device = nullptr, size_t stride = 1);

// What is wrong with one outcome; empty: nothing.
std::string fault_of(const OpCase& c, const Outcome& o);

}  // namespace afs::test
