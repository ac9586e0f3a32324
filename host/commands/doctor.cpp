// doctor: what is found on this machine, what is needed, and the remedy. Writes below reports/.
#include <unistd.h>

#include <cstdio>

#include "commands/command.hpp"
#include "commands/doctor_policy.hpp"
#include "commands/terminal.hpp"
#include "doctor/dependencies.hpp"
#include "doctor/diagnosis.hpp"
#include "doctor/env_file.hpp"
#include "doctor/findings_report.hpp"
#include "doctor/sanity.hpp"
#include "runtime/installation.hpp"  // data_folder

namespace afs {
namespace {

namespace fs = std::filesystem;

Status write_reports(const Diagnosis& diagnosis, const fs::path& reports) {
    AFS_TRY(
        report::write_file(reports / "system_gpu.json", findings_json(diagnosis, "model", true)));
    AFS_TRY(report::write_file(reports / "dependency_tree.txt",
                               dependency_text(dependency_trees(diagnosis.plugins))));
    return report::write_file(reports / "config_report.json", config_json(diagnosis));
}

Status write_summary(const Sanity& sanity, const fs::path& reports) {
    report::Report page{
        "Sanity of the staged model",
        sanity.ok() ? "Every backend that works here agrees." : "Not everything ran.",
        report::time_text()};
    page.sections = {{"Backends"}, {"Timings", {}, true}};
    write_sanity(sanity, page.sections[0], page.sections[1]);
    AFS_TRY(report::write_file(reports / "test_summary.json", sanity_json(sanity)));
    return report::write_file(reports / "test_summary.md", report::markdown(page));
}

std::string sanity_text(const Sanity& sanity) {
    std::string out = "\nsanity: \"" + sanity.prompt + "\", greedy\n";
    for (const SanityRun& run : sanity.runs) {
        char speed[48] = "";
        if (run.tokens_per_second() > 0)
            std::snprintf(speed, sizeof speed, " (%.1f tokens a second)", run.tokens_per_second());
        out += "  " + std::string(report::mark_word(run.mark)) +
               std::string(run.mark == report::Mark::ok ? 7 : 3, ' ') + run.kernels + ": " +
               run.verdict + speed + "\n";
    }
    if (sanity.runs.empty()) out += "  failed   no kernel plugin works here\n";
    return out;
}

Sanity sanity_of(const Config& config, const Diagnosis& diagnosis) {
    Progress progress("sanity");
    SanityOptions how;
    how.progress = [&](const std::string&, size_t tokens) {
        progress.update(tokens, how.max_tokens);
    };
    return run_sanity(config, sanity_kernels(config, diagnosis), how);
}

std::string summary_text(const Diagnosis& diagnosis, const fs::path& reports, bool sanity) {
    const auto n = [&](int32_t status) { return std::to_string(diagnosis.count(status)); };
    return "\n" + n(AFS_CHECK_OK) + " ok, " + n(AFS_CHECK_INFO) + " info, " + n(AFS_CHECK_WARN) +
           " warning, " + n(AFS_CHECK_FAIL) + " failed; written to " + reports.string() + "\n" +
           (diagnosis.count(AFS_CHECK_FAIL) ? "next: what failed has its remedy beside it\n"
            : sanity                        ? "next: afs-host report\n"
                                            : "next: afs-host doctor --sanity\n");
}

int run_doctor(const Command&, const ParsedOptions& options) {
    catch_interrupts();
    const auto config = open_config(options);
    const fs::path reports = options.text("reports", data_folder("reports").string());
    if (options.has("policy")) return run_policy(options, config, reports);
    const bool write_env = options.has("write-env"), json = options.has("json");
    Diagnosis diagnosis = diagnose(config);
    if (interrupted()) return 128 + interrupted();
    Status written;
    if (!json)
        written =
            write_out(findings_text(diagnosis, {isatty(STDOUT_FILENO) == 1, options.has("brief")}));
    if (written.ok()) written = write_reports(diagnosis, reports);
    if ((options.has("sanity") || write_env) && config && written.ok()) {
        const Sanity sanity = sanity_of(*config, diagnosis);
        add_findings(sanity, diagnosis);
        written = write_summary(sanity, reports);
        if (!json && written.ok()) written = write_out(sanity_text(sanity));
        if (write_env && written.ok()) {
            const std::string file = (reports / ".env.autodetected").string();
            written = report::write_file(file, detected_environment(diagnosis, sanity));
            if (!json && written.ok())
                written = write_out("settings for this machine: cp " + file + " .env\n");
        }
    }
    if (written.ok())
        written = write_out(json ? findings_json(diagnosis, "", true)
                                 : summary_text(diagnosis, reports, options.has("sanity")));
    if (interrupted()) return 128 + interrupted();
    if (!written.ok()) return report_failure(written, kFailed);
    return diagnosis.count(AFS_CHECK_FAIL) == 0 ? kDone : kFailed;
}

}  // namespace

const Command& doctor_command() {
    static const Command command = {
        "doctor",
        "checks machine, configuration and model: found, needed, remedy",
        "afs-host doctor [options]",
        "afs-host doctor --sanity",
        {{"sanity", "", "also run the model on every backend that works here, and compare them"},
         {"write-env", "", "also write reports/.env.autodetected: settings that fit this machine"},
         {"brief", "", "only warnings and failures, and what works here"},
         {"reports", "FOLDER", "where reports go (default: reports/ of this installation)"},
         {"policy", "[=EVENT]",
          "verify what configs/policy.json wants for push (the default), pull_request or weekly, "
          "and write reports/auto_verification.*"},
         {"policy-file", "FILE", "another policy"},
         {"json", "", "the findings for machines"},
         {"help,h", "", "this page"}},
        true,
        0,
        run_doctor,
        {needs("policy-file", {"policy"}), excludes("brief", {"json"}, "JSON has every finding"),
         excludes("policy", {"sanity", "write-env"}, "the policy says what runs")}};
    return command;
}

}  // namespace afs
