// weights verify: a checkpoint against its manifest or a hub, its own headers, and its model.
#include "weights/verify.hpp"

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "afs/json.hpp"
#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "commands/weights/model_names.hpp"
#include "commands/weights/transfer_line.hpp"
#include "runtime/installation.hpp"

namespace afs {
namespace {

namespace fs = std::filesystem;
using State = VerifyFinding::State;

constexpr const char* kVerifyExample = "afs-host weights verify weights/olmo2-tiny --values";

const char* word_of(State state) {
    return state == State::ok ? "ok" : state == State::failed ? "wrong" : "-";
}

// The hashes that a hub states, as if they had been fetched into this folder.
Result<hub::Manifest> hashes_of_hub(const std::string& asked, const std::string& revision,
                                    const std::string& gguf) {
    AFS_ASSIGN(const hub::ShortName name, hub_model(asked));
    AFS_ASSIGN(const hub::Settings settings,
               hub::read_settings([](const char* key) { return std::getenv(key); }));
    if (settings.offline) return invalid("--hub needs a connection, and HF_HUB_OFFLINE is set");
    return hub::expected_files(settings, {name.repository, revision, {gguf}},
                               [] { return interrupted() != 0; });
}

Status find_manifest(const ParsedOptions& options, VerifyRequest& request) {
    if (options.has("hub")) {
        AFS_ASSIGN(request.manifest,
                   hashes_of_hub(options.text("hub"), options.text("revision", "main"),
                                 options.text("gguf")));
        request.manifest_origin = request.manifest->endpoint;
        return {};
    }
    std::error_code ignored;
    const fs::path folder =
        fs::is_directory(request.path, ignored) ? request.path : request.path.parent_path();
    const fs::path file = options.has("manifest")
                              ? fs::path(options.text("manifest"))
                              : hub::manifest_path(data_folder("reports"), folder);
    if (!options.has("manifest") && !fs::exists(file, ignored)) return {};
    AFS_ASSIGN(hub::Manifest manifest, hub::read_manifest(file));
    // Another folder of the same name is not what this manifest is of.
    if (!options.has("manifest") && manifest.folder != folder.string()) return {};
    request.manifest = std::move(manifest);
    request.manifest_origin = file.string();
    return {};
}

// Lines of at most 98 columns; all but the first are indented.
std::string wrapped(const std::string& text) {
    constexpr size_t kIndent = 18, kWidth = 98;
    std::string out;
    size_t column = kIndent;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        const bool fits = column == kIndent || column + 1 + word.size() <= kWidth;
        if (!fits) out += "\n" + std::string(kIndent, ' ');
        if (!fits) column = kIndent;
        out += (column == kIndent ? "" : " ") + word;
        column += word.size() + (column == kIndent ? 0 : 1);
    }
    return out + "\n";
}

std::string as_text(const fs::path& path, const std::vector<VerifyFinding>& findings) {
    std::string out = path.string() + "\n";
    for (const VerifyFinding& finding : findings) {
        char head[32];
        std::snprintf(head, sizeof head, "  %-8s %-6s ", finding.what.c_str(),
                      word_of(finding.state));
        out += head;
        if (!finding.text.empty()) out += wrapped(finding.text);
        for (size_t i = 0; i < finding.wrong.size(); ++i)
            out += (i == 0 && finding.text.empty() ? "" : std::string(18, ' ')) +
                   wrapped(finding.wrong[i]);
    }
    return out;
}

std::string as_json(const fs::path& path, const std::vector<VerifyFinding>& findings, bool ok) {
    json::Value root = json::Value::object(), list = json::Value::array();
    for (const VerifyFinding& finding : findings) {
        json::Value one = json::Value::object(), wrong = json::Value::array();
        for (const std::string& text : finding.wrong) wrong.add(json::Value::of(text));
        const char* state = finding.state == State::skipped ? "skipped" : word_of(finding.state);
        one.add("check", json::Value::of(finding.what))
            .add("state", json::Value::of(state))
            .add("found", json::Value::of(finding.text))
            .add("wrong", std::move(wrong));
        list.add(std::move(one));
    }
    root.add("path", json::Value::of(path.string()))
        .add("ok", json::Value::of(ok))
        .add("checks", std::move(list));
    return json::dump(root, 2) + "\n";
}

int run_verify(const Command& command, const ParsedOptions& options) {
    catch_interrupts();
    if (options.positional().size() != 1)
        return report_failure(
            invalid("weights verify: expected a folder or file; example: " + command.example),
            kUsage);
    const auto config = open_config(options);
    if (!config) return report_bad_input(config.status());
    VerifyRequest request;
    request.values = options.has("values");
    const auto path = local_model(options.positional()[0]);
    if (!path) return report_not_opened(path.status());
    request.path = *path;
    const Status found = find_manifest(options, request);
    if (!found.ok() && options.has("manifest")) return report_bad_input(found, kFailed);
    if (!found.ok()) return report_failure(found, kFailed);
    TransferLine line(path->filename().string());
    const auto findings = verify(
        *config, request, [] { return interrupted() != 0; },
        [&line](const hub::FetchSnapshot& now) { line.show(now); });
    line.clear();
    if (!findings) {
        report_failure(findings.status(), kFailed);
        return interrupted() ? 128 + interrupted() : kFailed;
    }
    bool ok = true;
    for (const VerifyFinding& finding : *findings) ok = ok && finding.state != State::failed;
    const Status written = options.has("json") ? write_out(as_json(*path, *findings, ok))
                                               : write_shown(as_text(*path, *findings));
    if (!written.ok()) return report_failure(written, kFailed);
    return ok ? kDone : kFailed;
}

}  // namespace

const Command& weights_verify_command() {
    static const Command command = {
        "weights verify",
        "holds a checkpoint against hashes, headers, index and its model",
        "afs-host weights verify FOLDER | FILE | NAME [options]",
        kVerifyExample,
        {{"values", "", "read every value: no NaN, no infinity"},
         {"manifest", "FILE", "hashes of a fetch; default reports/weights-NAME.json"},
         {"hub", "ORG/NAME", "take the hashes from the hub instead"},
         {"revision", "REV", "with --hub: branch, tag or commit; default main"},
         {"gguf", "TEXT", "with --hub: the GGUF file with TEXT in its name"},
         {"json", "", "for machines"},
         {"help,h", "", "this page"}},
        true,
        1,
        run_verify,
        {excludes("hub", {"manifest"}), needs("revision", {"hub"}), needs("gguf", {"hub"})}};
    return command;
}

}  // namespace afs
