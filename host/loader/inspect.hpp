// Looks at a plugin file in a child process, so that one that crashes or hangs costs only itself.
#pragma once
#include <string>
#include <vector>

#include "afs/status.hpp"
#include "loader/loaded_libraries.hpp"

namespace afs {

struct PluginFacts {
    std::string kind, name, version, licence, build, domain;
    std::vector<std::string> provides;
    bool usable = false;  // its probe says yes
    std::string reason;   // why not
    // Of the child, after the probe: this program's own too.
    std::vector<LoadedLibrary> libraries = {};
};

struct InspectOptions {
    double timeout_seconds = 10;             // for loading, and for its probe
    std::string program = "/proc/self/exe";  // one whose main hands __inspect to inspect_main
};

// The descriptor's facts and what probe says; an error when the file cannot be loaded, crashes
// (says in which stage and by which signal) or takes too long.
Result<PluginFacts> inspect_in_child(const std::string& path, const InspectOptions& options = {});

// The child's side: `PROGRAM __inspect PATH`. Writes to file descriptor 3; returns the exit code.
inline constexpr const char* kInspectVerb = "__inspect";
int inspect_main(const char* path);

}  // namespace afs
