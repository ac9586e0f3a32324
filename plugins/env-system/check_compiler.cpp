// What a build here would use. A machine that only runs a build needs none of it.
#include "checks.hpp"
#include "program.hpp"

namespace env_system {
namespace {

// "cmake version 3.25.1" -> "3.25.1"; the first word that starts with a digit.
std::string version_in(const std::string& line) {
    for (size_t at = 0; at < line.size();) {
        size_t end = line.find_first_of(" ,()", at);
        if (end == std::string::npos) end = line.size();
        if (end > at && line[at] >= '0' && line[at] <= '9') return line.substr(at, end - at);
        at = end + 1;
    }
    return line;
}

}  // namespace

Findings check_compiler(const Machine&, const afs::EnvironmentView&) {
    struct Tool {
        const char *name, *needed;
    };
    Findings out;
    bool compiler = false;
    for (const Tool& tool : {Tool{"g++", "12 or newer, or clang++ 14"}, Tool{"clang++", ""},
                             Tool{"cmake", "3.25 or newer"}, Tool{"ninja", "any"}}) {
        const auto line = first_line({tool.name, "--version"});
        const bool is_compiler = std::string(tool.name).find("++") != std::string::npos;
        compiler = compiler || (is_compiler && line);
        const bool optional = !*tool.needed;
        out.push_back({line ? AFS_CHECK_OK : (optional ? AFS_CHECK_INFO : AFS_CHECK_WARN),
                       std::string("build.") + tool.name, line ? version_in(*line) : "not found",
                       tool.needed, line || optional ? "" : "to build here: ./setup.sh packages"});
    }
    if (compiler && out[0].status == AFS_CHECK_WARN) {  // clang++ alone is enough
        out[0].status = AFS_CHECK_INFO;
        out[0].remedy.clear();
    }
    return out;
}

}  // namespace env_system
