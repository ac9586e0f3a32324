// conformance PLUGIN: judges any plugin, in workers of its own.
#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "commands/conformance_request.hpp"
#include "commands/terminal.hpp"
#include "conformance/report/text.hpp"
#include "conformance/suite/self_test.hpp"
#include "runtime/write_file.hpp"

namespace afs {
namespace {

using namespace conformance;

Status write_reports(const SuiteResult& result, const ParsedOptions& options) {
    std::string plugin = subject_name(options);  // with what it was opened with
    for (const char* option : {"option", "owner"})
        for (const std::string& value : options.all(option))
            plugin += std::string(" --") + option + " " + value;
    const auto dump = [](const nlohmann::ordered_json& json) {
        return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    };
    if (options.has("junit")) AFS_TRY(write_file(options.text("junit"), as_junit(result)));
    if (options.has("certificate"))
        AFS_TRY(write_file(options.text("certificate"), dump(certificate(result))));
    return write_out(options.has("json")  ? dump(as_json(result, plugin))
                     : options.has("fit") ? fit_text(result)
                                          : as_text(result, plugin));
}

int exit_code(const SuiteResult& result, const ParsedOptions& options) {
    if (result.stopped) return interrupted() ? 128 + interrupted() : kFailed;
    bool good = options.has("case") ? result.n_faults() == 0 : result.passed();
    if (options.has("profile"))
        for (const ProfileVerdict& p : result.profiles) good = good && p.holds();
    return good ? kDone : kFailed;
}

int run_self_test(const SuiteRequest& request, const ParsedOptions& options, Progress& progress) {
    const auto test = self_test(request);
    progress.clear();
    if (!test) return report_failure(test.status(), kNotLoaded);
    if (options.has("matrix")) {
        const Status kept = write_file(options.text("matrix"), as_markdown(*test));
        if (!kept.ok()) return report_failure(kept, kFailed);
    }
    const Status written = write_out(as_text(*test));
    if (!written.ok()) return report_failure(written, kFailed);
    return test->stopped && interrupted() ? 128 + interrupted() : test->ok() ? kDone : kFailed;
}

int run_conformance(const Command&, const ParsedOptions& options) {
    catch_interrupts();
    const Status use = check_conformance_use(options);
    if (!use.ok()) return report_failure(use, kUsage);
    const auto config = open_config(options);
    if (!config) return report_bad_input(config.status());
    auto request = read_suite_options(options);
    if (!request) return report_bad_input(request.status());
    const auto kind = find_judged(*config, options, *request);
    if (!kind) return report_not_opened(kind.status());
    const Status parts = check_parts(*kind, options, *request);
    if (!parts.ok()) return report_failure(parts, kUsage);
    if (*kind == "kernels") {
        const Status opened = open_profiles(*config, options, *request);
        if (!opened.ok()) return report_not_opened(opened);
    }
    Progress progress("judging");
    request->progress = [&](uint64_t done, uint64_t total) { progress.update(done, total); };
    request->stop = [] { return interrupted() != 0; };
    if (options.has("self-test")) return run_self_test(*request, options, progress);
    const auto result = run_suite(*request);
    progress.clear();
    if (!result) {  // the journal, or what is judged
        const bool read = result.status().code() != Code::io;
        return report_failure(result.status(), read ? kNotLoaded : kFailed);
    }
    const Status written = write_reports(*result, options);
    if (!written.ok()) return report_failure(written, kFailed);
    return exit_code(*result, options);
}

}  // namespace

const Command& conformance_command() {
    static const Command command = {
        "conformance",
        "judges any plugin: its binary contract, its results, its promises",
        "afs-host conformance PLUGIN [options]",
        "afs-host conformance reference --quick",
        {{"quick", "", "under a minute; this is the default"},
         {"full", "", "nearly every shape with every input family"},
         {"case", "ID", "only this case, as a report printed it; may be repeated"},
         {"op", "OP", "of kernels: only cases of this op (linear/1); may be repeated"},
         {"group", "NAME", "only one of " + group_names() + "; may be repeated"},
         {"profile", "NAME",
          "what must pass (a name in configs/conformance, or a file); without it all are tried"},
         {"random", "N",
          "N random cases, and nothing else but what --group names; --seed N: the first's number"},
         {"option", "KEY=VALUE", "an option of the plugin; may be repeated"},
         {"owner", "PLUGIN", "the plugin that owns this one's memory; else it is looked for"},
         {"jobs,j", "N", "workers; default: one a core in host memory, 1 elsewhere"},
         {"case-seconds", "N", "how long one case may take; default 20"},
         {"case-memory", "MIB", "how much a worker may hold; default 6144"},
         {"waivers", "FILE", "known faults that are forgiven, each with a reason"},
         {"resume", "FILE", "keep results there, and go on from what it holds"},
         {"certificate", "FILE", "write who was judged, where, by what, and how it went"},
         {"junit", "FILE", "write every case for a CI system"},
         {"fit", "", "print how near each limit the results come, to fit the bounds by"},
         {"self-test", "",
          "judge the plugin of seeded bugs instead: each must be caught; --op chooses some"},
         {"matrix", "FILE", "with --self-test: write bug by rule and family as Markdown"},
         {"json", "", "for machines"},
         {"help,h", "", "this page"}},
        true,
        1,
        run_conformance,
        {excludes("quick", {"full"}), needs("matrix", {"self-test"}), writes("matrix"),
         writes("certificate"), writes("junit"), writes("resume"),
         excludes("self-test",
                  {"group", "profile", "random", "waivers", "resume", "certificate", "junit", "fit",
                   "json"},
                  "it has cases and a report of its own"),
         excludes("profile", {"op", "group", "case", "random", "fit"},
                  "it needs the whole suite")}};
    return command;
}

}  // namespace afs
