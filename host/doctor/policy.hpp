// What a repository wants verified, and when: configs/policy.json.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "doctor/diagnosis.hpp"
#include "report/report.hpp"

namespace afs {

struct PolicyEvent {
    std::vector<std::string> checks;  // env plugins; empty: all
    bool sanity = false;
};

struct Policy {
    std::map<std::string, PolicyEvent> events;
    bool warnings_pass = true;
    std::vector<std::string> folders, ignored;
    uint64_t keep_reports = 5;
};

// INVALID names the file, the line, and what was expected there.
Result<Policy> read_policy(const std::filesystem::path& file);

// INVALID names the events that there are.
Result<PolicyEvent> find_event(const Policy& policy, const std::string& name);

// Folders that are there, lines that .gitignore has.
std::vector<CheckedFinding> check_tree(const Policy& policy, const std::filesystem::path& root);

// Writes auto_verification.{json,md,html}; the ones before take their time as a suffix, and the
// oldest beyond `keep` go.
Status write_verification(const report::Report& page, const std::filesystem::path& reports,
                          uint64_t keep);

}  // namespace afs
