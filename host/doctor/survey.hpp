// Every plugin file that is found, each looked at in a child process of its own, several at once.
#pragma once
#include <future>
#include <string>
#include <vector>

#include "loader/inspect.hpp"
#include "loader/search.hpp"

namespace afs {

// Of what waits for a child process. Deferred: where the system grants no more threads
// (`ulimit -u`), get() does the work.
constexpr auto kOwnThread = std::launch::async | std::launch::deferred;

struct SurveyedPlugin {
    Candidate candidate;
    Result<PluginFacts> facts;
    std::string sha256;  // empty: the file cannot be read

    bool usable() const { return facts.ok() && facts->usable; }
    std::string kind() const { return facts.ok() ? facts->kind : candidate.kind; }
    std::string reason() const;  // why it is not usable, in its own words where it has some
};

SurveyedPlugin survey_plugin(const Candidate& candidate, const InspectOptions& options = {});

// In the order of the search.
std::vector<SurveyedPlugin> survey_plugins(const PluginSearch& search,
                                           const InspectOptions& options = {});

}  // namespace afs
