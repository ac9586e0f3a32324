// What a kernels plugin must offer to run some models in one dtype and step class: the ops and
// shapes of those models' graphs. A profile is a file in configs/conformance.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "afs/abi/graph.h"
#include "conformance/cases/case_list.hpp"
#include "conformance/report/case_result.hpp"

namespace afs {
class Config;
}

namespace afs::conformance {

struct Profile {
    std::string name, summary;
    std::vector<CaseSpec> needs;  // one for each different node, at its real shape
};

struct ProfileVerdict {
    std::string name;
    size_t n_ops = 0, n_offered = 0;  // ops that it needs; that are offered at every shape
    size_t n_cases = 0, n_faults = 0;
    std::vector<std::string> missing;  // "linear/1: why not"
    bool holds() const { return n_offered == n_ops && n_faults == 0; }
};

// The file of a NAME or path; NOT_FOUND lists the profiles there are.
Result<std::filesystem::path> find_profile(const std::string& name);
Result<Profile> open_profile(const Config& config, const std::string& name);
std::vector<std::string> known_profiles();
// Files of the model shapes that come with the program.
std::vector<std::string> known_shapes();

// The nodes of a graph as cases: act for activations, stored for weights without a dtype.
std::vector<CaseSpec> graph_cases(const afs_graph& graph, int32_t act, int32_t stored, bool decode);

// A need as the case that is run: large matrices keep their depth and lose rows.
CaseSpec affordable(const CaseSpec& need, Level level);

ProfileVerdict judge_profile(const Profile& profile, Level level,
                             const std::vector<CaseResult>& results);

}  // namespace afs::conformance
