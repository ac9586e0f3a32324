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

std::vector<SurveyedPlugin> survey_plugins(const PluginSearch& search,
                                           const InspectOptions& options) {
    constexpr size_t kAtOnce = 4;
    const std::vector<Candidate> candidates = list_candidates(search);
    std::vector<std::future<SurveyedPlugin>> pending;
    std::vector<SurveyedPlugin> out;
    const auto look = [&options](const Candidate& candidate) {
        const auto sha256 = file_sha256(candidate.path);
        return SurveyedPlugin{candidate, inspect_in_child(candidate.path, options),
                              sha256 ? *sha256 : ""};
    };
    for (const Candidate& candidate : candidates) {
        if (pending.size() - out.size() >= kAtOnce) out.push_back(pending[out.size()].get());
        pending.push_back(std::async(std::launch::async, look, candidate));
    }
    while (out.size() < pending.size()) out.push_back(pending[out.size()].get());
    return out;
}

}  // namespace afs
