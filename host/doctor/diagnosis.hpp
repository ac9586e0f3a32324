// What doctor and report know of this machine: configuration, plugins, findings of all checks.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "afs/config/config.hpp"
#include "doctor/run_checks.hpp"
#include "doctor/survey.hpp"

namespace afs {

// The host's own findings stand under this name beside those of the env plugins.
inline constexpr const char* kHostChecks = "host";

struct Diagnosis {
    std::filesystem::path root;  // of weights/ and reports/
    std::string config_file;     // empty: none
    std::map<std::string, std::pair<std::string, std::string>> settings;  // key -> value, origin
    std::vector<SurveyedPlugin> plugins;
    std::vector<CheckedFinding> findings;

    size_t count(int32_t status) const;
    // "kernels" -> the names of those that can be used here.
    std::vector<std::string> usable(const std::string& kind) const;
};

struct DiagnosisOptions {
    double check_seconds = 10;  // most time for one check
    InspectOptions inspect = {};
};

// A configuration that does not load is a finding; the checks then run on the defaults.
Diagnosis diagnose(const Result<Config>& config, const DiagnosisOptions& options = {});

}  // namespace afs
