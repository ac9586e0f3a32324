// Runs the checks of an env plugin in child processes: a check that crashes or hangs becomes a
// finding of its own, and the others run all the same.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "afs/env.hpp"

namespace afs {

struct CheckedFinding {
    std::string plugin, check;  // "system", "memory"
    Finding finding;
};

struct CheckRun {
    std::string path, name;  // of the plugin's file; what the configuration calls it
    std::map<std::string, std::string> options;
    EnvironmentView view;
    double timeout_seconds = 10;             // for each check
    std::string program = "/proc/self/exe";  // one whose main hands kChecksVerb to checks_main
};

std::vector<CheckedFinding> run_checks(const CheckRun& run);

// The child's side: `PROGRAM __checks`, what to do as JSON on standard input.
inline constexpr const char* kChecksVerb = "__checks";
int checks_main();

const char* check_status_word(int32_t status);  // "ok" "info" "warning" "failed"

}  // namespace afs
