#include "commands/doctor_policy.hpp"

#include <unistd.h>

#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "doctor/environment_report.hpp"
#include "doctor/findings_report.hpp"
#include "doctor/places.hpp"
#include "doctor/policy.hpp"
#include "runtime/installation.hpp"

namespace afs {
namespace {

namespace fs = std::filesystem;

// The event's checks take the place of the configuration's.
Result<Config> with_checks(const Result<Config>& config, const PolicyEvent& event) {
    if (!config || event.checks.empty()) return config;
    std::string names;
    for (const std::string& name : event.checks) names += (names.empty() ? "" : ",") + name;
    return config->with({{"checks", names, "policy"}});
}

report::Report page_of(const std::string& event, bool passed, const Diagnosis& diagnosis,
                       const Result<Config>& config, const Sanity* sanity,
                       const fs::path& reports) {
    report::Report page = environment_report(diagnosis, config, sanity, reports);
    page.title = "Verification: " + event;
    page.summary = (passed ? "Passed. " : "Did not pass. ") + page.summary;
    return page;
}

}  // namespace

int run_policy(const ParsedOptions& options, const Result<Config>& given, const fs::path& reports) {
    const fs::path root = project_root();
    const std::string word = options.text("policy");
    const std::string event = word.empty() || word == "true" ? "push" : word;
    const auto policy =
        read_policy(options.text("policy-file", shipped_config("policy.json").string()));
    if (!policy) return report_bad_input(policy.status());
    const auto wanted = find_event(*policy, event);
    if (!wanted) return report_failure(wanted.status(), kUsage);
    const Result<Config> config = with_checks(given, *wanted);
    Diagnosis diagnosis = diagnose(config);
    for (CheckedFinding& finding : check_tree(*policy, root))
        diagnosis.findings.push_back(std::move(finding));
    Sanity sanity;
    const bool run_model = wanted->sanity && config.ok();
    if (run_model) sanity = run_sanity(*config, sanity_kernels(*config, diagnosis));
    if (run_model) add_findings(sanity, diagnosis);
    if (interrupted()) return 128 + interrupted();
    const bool passed = diagnosis.count(AFS_CHECK_FAIL) == 0 &&
                        (policy->warnings_pass || diagnosis.count(AFS_CHECK_WARN) == 0);
    const report::Report page =
        page_of(event, passed, diagnosis, config, run_model ? &sanity : nullptr, reports);
    Status written = write_verification(page, reports, policy->keep_reports);
    if (written.ok())
        written = write_out(options.has("json")
                                ? report::json(page)
                                : findings_text(diagnosis, {isatty(STDOUT_FILENO) == 1, true}) +
                                      "\n" + page.title + ": " + page.summary +
                                      "\nwritten: " + (reports / "auto_verification").string() +
                                      ".json, .md and .html\n");
    if (!written.ok()) return report_failure(written, kFailed);
    return passed ? kDone : kFailed;
}

}  // namespace afs
