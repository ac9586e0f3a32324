// plugins list | inspect: what is there, what each offers, and why one cannot be used. Every file
// is looked at in a child process, so that a crashing plugin costs only its own line.
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "doctor/survey.hpp"
#include "loader/plugin_file.hpp"
#include "runtime/plugin_search.hpp"
#include "runtime/shown_text.hpp"
#include "scaffold/scaffold.hpp"

namespace afs {
namespace {

using Json = nlohmann::ordered_json;

Json as_json(const SurveyedPlugin& looked) {
    Json json = {{"path", looked.candidate.path},         {"kind", looked.candidate.kind},
                 {"name", looked.candidate.name},         {"found_in", looked.candidate.source},
                 {"shadowed", looked.candidate.shadowed}, {"usable", looked.usable()}};
    if (!looked.facts.ok()) {
        json["reason"] = looked.facts.status().message();
        return json;
    }
    const PluginFacts& facts = *looked.facts;
    json["kind"] = facts.kind;
    json["plugin"] = facts.name;
    json["version"] = facts.version;
    json["licence"] = facts.licence;
    json["build"] = facts.build;
    json["domain"] = facts.domain;
    json["provides"] = facts.provides;
    if (!facts.usable) json["reason"] = facts.reason;
    return json;
}

std::string row(const SurveyedPlugin& looked) {
    const Candidate& candidate = looked.candidate;
    const bool usable = looked.usable();
    const std::string kind = looked.kind();
    const std::string version = looked.facts.ok() ? looked.facts->version : "";
    char line[256];
    std::snprintf(line, sizeof line, "%-4s %-10s %-18s %-8s %s\n", usable ? "ok" : "no",
                  kind.empty() ? "?" : kind.c_str(),
                  candidate.name.empty() ? "?" : candidate.name.c_str(), version.c_str(),
                  candidate.shadowed ? "hidden by an earlier one" : candidate.source.c_str());
    std::string out = line;
    if (usable) return out;
    const std::string reason =
        looked.facts.ok() ? looked.facts->reason : looked.facts.status().message();
    return out + "     " + reason + "\n";
}

// kind: only plugins of it; empty: all.
int list(const PluginSearch& search, const std::string& kind, bool json) {
    Json report = Json::array();
    std::string out = json ? "" : "     kind       name               version  found in\n";
    for (const SurveyedPlugin& looked : survey_plugins(search)) {
        if (!kind.empty() && looked.kind() != kind) continue;
        if (json)
            report.push_back(as_json(looked));
        else
            out += row(looked);
    }
    if (interrupted()) return 128 + interrupted();
    if (json) out = report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    for (const std::string& note : search.notes)
        std::fprintf(stderr, "afs-host: %s\n", shown_text(note).c_str());
    const Status written = json ? write_out(out) : write_shown(out);
    return written.ok() ? kDone : report_failure(written, kFailed);
}

// NAME may be "cuda", "kernels-cuda", or a path.
Result<Candidate> find(const PluginSearch& search, const std::string& name) {
    if (name.find('/') != std::string::npos || name.ends_with(".so")) {
        Candidate candidate{name, {}, {}, "command line"};
        parse_plugin_file_name(name, candidate.kind, candidate.name);
        return candidate;
    }
    std::string known;
    for (const Candidate& candidate : list_candidates(search)) {
        if (candidate.shadowed) continue;
        if (candidate.name == name || candidate.kind + "-" + candidate.name == name)
            return candidate;
        known += (known.empty() ? "" : ", ") + candidate.name;
    }
    return not_found("no plugin is called '" + name +
                     "'; there are: " + names_or_where(known, search));
}

int inspect(const PluginSearch& search, const std::string& name, bool json) {
    const auto candidate = find(search, name);
    if (!candidate) return report_failure(candidate.status(), kNotLoaded);
    const SurveyedPlugin looked = survey_plugin(*candidate);
    Json report = as_json(looked);
    if (!looked.sha256.empty()) report["sha256"] = looked.sha256;
    std::string out;
    if (json) {
        out = report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    } else {
        for (const auto& [key, value] : report.items()) {
            std::string text = value.is_string() ? value.get<std::string>() : value.dump();
            out += key + std::string(key.size() < 12 ? 12 - key.size() : 1, ' ') + text + "\n";
        }
    }
    const Status written = json ? write_out(out) : write_shown(out);
    if (!written.ok()) return report_failure(written, kFailed);
    return looked.usable() ? kDone : kNotLoaded;
}

int make_new(const std::string& name, const ParsedOptions& options) {
    ScaffoldRequest request;
    request.name = name;
    request.kind = options.text("kind", "kernels");
    request.op = options.text("op", "rms_norm/1");
    if (options.has("op") && request.kind != "kernels")
        return report_failure(invalid("--op goes with --kind kernels"), kUsage);
    const std::string folder = options.text("folder", "afs-" + request.kind + "-" + name);
    const Status made = write_scaffold(request, folder);
    if (!made.ok()) return report_failure(made, made.code() == Code::io ? kFailed : kUsage);
    const Status written =
        write_out("wrote " + folder + ": plugin.cpp, CMakeLists.txt with a test, README.md\n" +
                  "next: cd " + folder +
                  " && cmake -B build && cmake --build build && ctest --test-dir build\nthe test "
                  "fails until plugin.cpp is filled in\n");
    return written.ok() ? kDone : report_failure(written, kFailed);
}

// An option that this word of `plugins` has no use for, or a kind that there is not.
Status check_plugins_use(const std::string& word, const ParsedOptions& options) {
    const std::map<std::string, std::vector<std::string>> dropped = {
        {"list", {"op", "folder"}}, {"inspect", {"kind", "op", "folder"}}, {"new", {"json"}}};
    for (const std::string& option : dropped.at(word))
        if (options.has(option))
            return invalid("--" + option + " does not go with plugins " + word + ": leave it out");
    return options.has("kind") ? check_plugin_kind(options.text("kind")) : Status();
}

int run_plugins(const Command&, const ParsedOptions& options) {
    catch_interrupts();
    const auto& words = options.positional();
    const bool making = words.size() == 2 && words[0] == "new";
    const bool listing = !words.empty() && words[0] == "list" && words.size() == 1;
    const bool inspecting = !words.empty() && words[0] == "inspect" && words.size() == 2;
    if (!listing && !inspecting && !making)
        return report_failure(invalid("plugins: expected 'list', 'inspect NAME' or 'new NAME'; "
                                      "example: afs-host plugins list"),
                              kUsage);
    const Status use = check_plugins_use(words[0], options);
    if (!use.ok()) return report_failure(use, kUsage);
    if (making) return make_new(words[1], options);
    auto config = open_config(options);
    if (!config) return report_bad_input(config.status());
    const PluginSearch search = plugin_search(*config);
    return listing ? list(search, options.text("kind"), options.has("json"))
                   : inspect(search, words[1], options.has("json"));
}

}  // namespace

const Command& plugins_command() {
    static const Command command = {
        "plugins",
        "lists the plugins that are found, looks into one, starts one of your own",
        "afs-host plugins list | inspect NAME | new NAME [options]",
        "afs-host plugins inspect olmo2",
        {{"kind", "KIND",
          "model, kernels, tokenizer or env; list: only those; new: default kernels"},
         {"op", "OP", "new: the op of a kernels plugin (default rms_norm/1)"},
         {"folder", "DIR", "new: where to (default afs-<kind>-NAME)"},
         {"json", "", "for machines"},
         {"help,h", "", "this page"}},
        true,
        2,
        run_plugins};
    return command;
}

}  // namespace afs
