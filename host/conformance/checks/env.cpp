// Environment checks look and report: each in time, well-formed, and nothing is changed by it.
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <set>

#include "afs/env.hpp"
#include "conformance/checks/abi_checks.hpp"
#include "conformance/checks/other_checks.hpp"
#include "loader/open.hpp"

extern char** environ;

namespace afs::conformance {
namespace {

namespace fs = std::filesystem;
constexpr double kSeconds = 10;  // a check that takes longer is no look

std::shared_ptr<EnvironmentCheck> env_of(Subject& s, CaseResult& r) {
    auto opened = open_env(s.file, {s.file->name, 0, 0, 1, s.request.options});
    if (!opened) return other_fail(r, "open", opened.status()), nullptr;
    return *opened;
}

// What a check could change of this process and of the folder it stands in.
std::string state_of(const fs::path& folder) {
    std::string text = fs::current_path().string();
    for (char** each = environ; *each; ++each) text += std::string("\n") + *each;
    const mode_t mask = umask(0);
    umask(mask);
    text += "\n" + std::to_string(mask);
    std::set<std::string> files;
    std::error_code ignored;
    for (const auto& entry : fs::recursive_directory_iterator(folder, ignored))
        files.insert(entry.path().string());
    for (const std::string& file : files) text += "\n" + file;
    return text;
}

void findings(Subject& s, CaseResult& r) {
    const auto api = env_of(s, r);
    if (!api) return;
    const std::vector<std::string> checks = api->checks();
    if (checks.empty()) return abi_fail(r, "offers no check");
    if (std::set<std::string>(checks.begin(), checks.end()).size() != checks.size())
        return abi_fail(r, "two of its checks have one name");
    size_t n = 0;
    for (uint32_t i = 0; i < checks.size(); ++i) {
        const auto start = std::chrono::steady_clock::now();
        const auto found = api->run(i, EnvironmentView{});
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (!found) return other_fail(r, "check " + checks[i], found.status());
        if (seconds > kSeconds)
            return abi_fail(r, "check " + checks[i] + " takes " +
                                   std::to_string(static_cast<int>(seconds)) + " s");
        for (const Finding& each : *found) {
            ++n;
            const std::string what = "check " + checks[i] + ", '" + each.name + "': ";
            if (each.name.empty()) return abi_fail(r, what + "a finding has no name");
            if (each.status < AFS_CHECK_OK || each.status > AFS_CHECK_FAIL)
                return abi_fail(r, what + "status " + std::to_string(each.status) +
                                       " is none of ok, info, warn, fail");
            if (each.found.empty()) return abi_fail(r, what + "says nothing of what was found");
            if (each.status >= AFS_CHECK_WARN && each.remedy.empty())
                return abi_fail(r, what + "warns or fails and gives no remedy");
        }
    }
    r.text = std::to_string(checks.size()) + " checks, " + std::to_string(n) + " findings";
}

void changes_nothing(Subject& s, CaseResult& r) {
    const auto api = env_of(s, r);
    if (!api) return;
    std::string name = (fs::temp_directory_path() / "afs-conformance-XXXXXX").string();
    if (!mkdtemp(name.data())) return;
    const fs::path before = fs::current_path();
    fs::current_path(name);
    const std::string was = state_of(name);
    const std::vector<std::string> checks = api->checks();
    for (uint32_t i = 0; i < checks.size(); ++i) {
        (void)api->run(i, EnvironmentView{});
        if (state_of(name) != was)
            abi_fail(r, "check " + checks[i] +
                            " changes the environment, the folder or the files in it");
    }
    fs::current_path(before);
    std::error_code ignored;
    fs::remove_all(name, ignored);
}

// Configurations that no check expects, and an index past the last.
void odd_questions(Subject& s, CaseResult& r) {
    const auto api = env_of(s, r);
    if (!api) return;
    const std::vector<std::string> checks = api->checks();
    for (const char* text : {"", "{", "[]", "{\"model\": 7}", "{\"kernels\": {}}"})
        for (uint32_t i = 0; i < checks.size(); ++i) {
            EnvironmentView view;
            view.config_json = text;
            const auto found = api->run(i, view);
            if (!found && found.status().message().find("threw") != std::string::npos)
                return other_fail(r, "check " + checks[i] + " on '" + text + "'", found.status());
        }
    const auto past = api->run(static_cast<uint32_t>(checks.size()), EnvironmentView{});
    if (past) abi_fail(r, "runs a check past its last");
}

}  // namespace

const std::vector<OtherCheck>& env_checks() {
    static const std::vector<OtherCheck> all = {{"env.findings", findings},
                                                {"env.changes-nothing", changes_nothing},
                                                {"env.odd-questions", odd_questions}};
    return all;
}

}  // namespace afs::conformance
