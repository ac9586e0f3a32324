// Faults that are known and forgiven, each with a reason. Waived cases still run.
//
//   [{"case": "linear/1:fp16:*", "device": "cuda:0*", "ending": "failed", "rules": "S",
//     "reason": "...", "link": "https://..."}]
#pragma once
#include <string>
#include <vector>

#include "afs/status.hpp"
#include "conformance/report/case_result.hpp"

namespace afs::conformance {

struct Waiver {
    std::string pattern, device, ending, rules, reason, link;
    size_t n_used = 0, n_worse = 0;
};

Result<std::vector<Waiver>> read_waivers(const std::string& file);

// '*' stands for any text.
bool matches(const std::string& pattern, const std::string& text);

// Marks the results that a waiver forgives; says which waivers are stale or too weak.
std::vector<std::string> apply_waivers(std::vector<Waiver> waivers, const std::string& device,
                                       std::vector<CaseResult>& results);

}  // namespace afs::conformance
