#include "doctor/survey.hpp"

#include <future>

#include "loader/plugin_file.hpp"

namespace afs {

std::string SurveyedPlugin::reason() const {
    if (!facts.ok()) return facts.status().message();
    const std::string mark = "its probe says no: ";
    const size_t at = facts->reason.find(mark);
    return at == std::string::npos ? facts->reason : facts->reason.substr(at + mark.size());
}

SurveyedPlugin survey_plugin(const Candidate& candidate, const InspectOptions& options) {
    const auto sha256 = file_sha256(candidate.path);
    return {candidate, inspect_in_child(candidate.path, options), sha256 ? *sha256 : ""};
}

std::vector<SurveyedPlugin> survey_plugins(const PluginSearch& search,
                                           const InspectOptions& options) {
    constexpr size_t kAtOnce = 4;
    std::vector<std::future<SurveyedPlugin>> pending;
    std::vector<SurveyedPlugin> out;
    for (const Candidate& candidate : list_candidates(search)) {
        if (pending.size() - out.size() >= kAtOnce) out.push_back(pending[out.size()].get());
        pending.push_back(std::async(
            kOwnThread, [candidate, &options] { return survey_plugin(candidate, options); }));
    }
    while (out.size() < pending.size()) out.push_back(pending[out.size()].get());
    return out;
}

}  // namespace afs
