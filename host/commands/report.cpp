// report: the record of this machine; two records compared; a recorded run repeated.
#include <cstdio>

#include "afs/weights/mapped_file.hpp"
#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "doctor/environment_report.hpp"
#include "doctor/replay.hpp"
#include "runtime/installation.hpp"  // data_folder

namespace afs {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostBytes = uint64_t{64} << 20;

Result<report::Report> read_report(const std::string& path) {
    AFS_ASSIGN(const std::string text, read_text_file(path, kMostBytes));
    return report::parse(text, path);
}

// Each value that differs, one line for each side.
std::string diff_text(const report::Report& difference) {
    std::string out = difference.summary + "\n";
    for (const report::Section& section : difference.sections) {
        out += "\n" + section.title + "\n";
        for (const report::Block& block : section.blocks) {
            if (const auto* text = std::get_if<report::Paragraph>(&block)) out += text->text + "\n";
            if (const auto* table = std::get_if<report::Table>(&block))
                for (const auto& row : table->rows)
                    out += "  " + row[0].text + "\n    - " + row[1].text + "\n    + " +
                           row[2].text + "\n";
        }
    }
    return out;
}

int compare(const std::vector<std::string>& files, bool json) {
    if (files.size() != 2)
        return report_failure(
            invalid("report --diff: expected two files, found " + std::to_string(files.size()) +
                    "; example: afs-host report --diff before.json after.json"),
            kUsage);
    const auto a = read_report(files[0]), b = read_report(files[1]);
    if (!a) return report_bad_input(a.status(), kFailed);
    if (!b) return report_bad_input(b.status(), kFailed);
    const report::Report difference = report::diff(*a, files[0], *b, files[1]);
    const Status written =
        json ? write_out(report::json(difference)) : write_shown(diff_text(difference));
    if (!written.ok()) return report_failure(written, kFailed);
    return report::same(*a, *b) ? kDone : kFailed;
}

// What the command line sets of the configuration goes over the record's: a model that moved.
std::vector<std::pair<std::string, std::string>> given_settings(const ParsedOptions& options) {
    std::vector<std::pair<std::string, std::string>> out;
    for (const Option& option : config_options())
        if (!option.key.empty() && options.has(option.name))
            out.emplace_back(option.key, option.key == "model.path"
                                             ? fs::absolute(options.text(option.name)).string()
                                             : options.text(option.name));
    return out;
}

int replay(const std::string& file, const ParsedOptions& options) {
    const auto text = read_text_file(file, kMostBytes);
    if (!text) return report_bad_input(text.status(), kFailed);
    const auto records = read_records(*text, file);
    if (!records) return report_failure(records.status(), kFailed);
    report::Report page{"Replay", file, report::time_text()};
    bool same = true;
    Progress progress("replay");
    for (const RecordedRun& then : *records) {
        RunAgain how;
        how.overrides = given_settings(options);
        how.progress = [&](size_t tokens) { progress.update(tokens, then.ids.size()); };
        Replayed one = compare_runs(then, run_again(then, how));
        same = same && one.same;
        page.sections.push_back(std::move(one.section));
        if (interrupted()) return 128 + interrupted();
    }
    progress.clear();
    const Status written =
        options.has("json") ? write_out(report::json(page)) : write_shown(report::markdown(page));
    if (!written.ok()) return report_failure(written, kFailed);
    return same ? kDone : kFailed;
}

int compile(const ParsedOptions& options) {
    const auto config = open_config(options);
    Diagnosis diagnosis = diagnose(config);
    const fs::path reports = options.text("reports", data_folder("reports").string());
    Sanity sanity;
    const bool with_sanity = config.ok() && !options.has("no-sanity");
    if (with_sanity) {
        Progress progress("sanity");
        SanityOptions how;
        how.progress = [&](const std::string&, size_t n) { progress.update(n, how.max_tokens); };
        sanity = run_sanity(*config, sanity_kernels(*config, diagnosis), how);
        add_findings(sanity, diagnosis);
    }
    if (interrupted()) return 128 + interrupted();
    const report::Report page =
        environment_report(diagnosis, config, with_sanity ? &sanity : nullptr, reports);
    Status written = report::write_all(reports / "environment_report", page);
    if (written.ok() && options.has("json")) {
        written = write_out(report::json(page));
    } else if (written.ok()) {
        const std::string file = (reports / "environment_report").string();
        written =
            write_out(page.summary + "\nwritten: " + file + ".json, .md and .html\n" +
                      "next: keep " + file + ".json, and later: afs-host report --diff OLD NEW\n");
    }
    if (!written.ok()) return report_failure(written, kFailed);
    return diagnosis.count(AFS_CHECK_FAIL) == 0 ? kDone : kFailed;
}

int run_report(const Command&, const ParsedOptions& options) {
    catch_interrupts();
    const bool diff = options.has("diff"), again = options.has("replay");
    if (!diff && !options.positional().empty())
        return report_failure(
            invalid("unexpected '" + options.positional()[0] + "'; two files follow --diff"),
            kUsage);
    if (diff) {
        std::vector<std::string> files = {options.text("diff")};
        files.insert(files.end(), options.positional().begin(), options.positional().end());
        return compare(files, options.has("json"));
    }
    return again ? replay(options.text("replay"), options) : compile(options);
}

}  // namespace

const Command& report_command() {
    static const Command command = {
        "report",
        "writes the record of this machine, compares two, repeats a recorded run",
        "afs-host report [options] | report --diff A B | report --replay FILE",
        "afs-host report",
        {{"diff", "A", "compare two reports (.json): A and the file after it; 1 when they differ"},
         {"replay", "FILE",
          "run again what generate --json or doctor --sanity recorded; 1 when a token differs"},
         {"no-sanity", "", "do not run the model"},
         {"reports", "FOLDER", "where reports go (default: reports/ of this installation)"},
         {"json", "", "one JSON object on standard output too"},
         {"help,h", "", "this page"}},
        true,
        1,
        run_report,
        {excludes("diff", {"replay"}),
         excludes("diff", {"no-sanity", "reports"}, "it writes no record"),
         excludes("replay", {"no-sanity", "reports"}, "it writes no record")}};
    return command;
}

}  // namespace afs
