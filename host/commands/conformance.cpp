// conformance PLUGIN: judges any plugin, in workers of its own.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "conformance/report/text.hpp"
#include "conformance/suite/self_test.hpp"
#include "loader/inspect.hpp"
#include "runtime/open_model.hpp"
#include "runtime/plugin_search.hpp"
#include "runtime/write_file.hpp"

namespace afs {
namespace {

using namespace conformance;

// The plugin that is judged, as the user named it; the self-test has its own, in a folder where no
// search for plugins looks.
std::string subject_name(const ParsedOptions& options) {
    if (!options.positional().empty()) return options.positional().front();
    std::string path;
    for (const std::string& folder : standard_search().folders) {
        path = folder + "/self-test/afs-kernels-seeded-bugs.so";
        if (std::filesystem::exists(path)) break;
    }
    return path;
}

// A path, "kernels-cuda", or "cuda": of plugins of several kinds with that name the kernels.
Result<std::string> find_subject(const Config& config, const std::string& name) {
    if (name.find('/') != std::string::npos || name.ends_with(".so")) {
        std::error_code ignored;
        if (!std::filesystem::exists(name, ignored))
            return not_found("there is no file '" + name + "'");
        return std::filesystem::absolute(name).string();
    }
    std::string known, same, path;
    const PluginSearch search = plugin_search(config);
    for (const Candidate& candidate : list_candidates(search)) {
        if (candidate.shadowed) continue;
        const std::string full = candidate.kind + "-" + candidate.name;
        if (full == name || (candidate.name == name && candidate.kind == "kernels"))
            return candidate.path;
        known += (known.empty() ? "" : ", ") + full;
        if (candidate.name != name) continue;
        same += (same.empty() ? "" : " or ") + full;
        path = candidate.path;
    }
    if (path.empty())
        return not_found("no plugin is called '" + name +
                         "'; there are: " + names_or_where(known, search));
    if (same.find(" or ") != std::string::npos)
        return invalid("several plugins are called '" + name + "': say " + same);
    return path;
}

// The plugin that owns the memory of another, among all that are found.
Result<std::string> find_owner(const Config& config, const std::string& domain) {
    for (const Candidate& candidate : list_candidates(plugin_search(config))) {
        if (candidate.kind != "kernels" || candidate.shadowed) continue;
        const auto facts = inspect_in_child(candidate.path);
        if (!facts || !facts->usable || facts->domain != domain) continue;
        for (const std::string& table : facts->provides)
            if (table == "afs.device/1") return candidate.path;
    }
    return not_found("its tensors live in '" + domain +
                     "' and no usable plugin owns that memory; name one with --owner");
}

Status open_profiles(const Config& config, const ParsedOptions& options, SuiteRequest& request) {
    const auto asked = options.all("profile");
    for (const std::string& name : asked.empty() ? known_profiles() : asked) {
        auto profile = open_profile(config, name);
        if (!profile && !asked.empty()) return profile.status();
        if (profile) request.profiles.push_back(std::move(*profile));
    }
    if (!options.has("model")) return {};
    AFS_ASSIGN(const OpenedModel model, open_model_texts(config, plugin_search(config)));
    for (const bool decode : {false, true})
        request.profiles.push_back({std::string("model, ") + (decode ? "decode" : "general"),
                                    model.origin,
                                    graph_cases(*model.graph, model.dtype, model.dtype, decode)});
    return {};
}

// Whether the reference can run a checkpoint in fp64 within a case.
bool is_small(const std::filesystem::path& folder) {
    constexpr uintmax_t kMost = uintmax_t{64} << 20;
    uintmax_t bytes = 0;
    std::error_code ignored;
    for (const auto& file : std::filesystem::directory_iterator(folder, ignored))
        bytes += file.path().extension() == ".safetensors" ? file.file_size(ignored) : 0;
    return bytes > 0 && bytes <= kMost;
}

// What the checks of a model or tokenizer plugin, and of programs, are tried on: the checkpoint
// given, else those that the configuration names, and for models every shape there is.
std::vector<std::string> files_for(const Config& config, const std::string& kind, bool given) {
    namespace fs = std::filesystem;
    std::vector<std::string> files;
    std::error_code ignored;
    const auto add = [&](const fs::path& folder) {
        if (kind == "tokenizer" && fs::exists(folder, ignored)) files.push_back(folder.string());
        if (kind == "kernels" && is_small(folder)) files.push_back(folder.string());
        if (kind == "model" && fs::is_regular_file(folder / "config.json", ignored))
            files.push_back((folder / "config.json").string());
    };
    if (given) {
        if (const auto path = config.model_path()) add(*path);
        return files;
    }
    for (const auto& [key, setting] : config.settings())
        if (key.starts_with("models.") && key.ends_with(".path")) add(config.path(key));
    if (kind == "model")
        for (const std::string& shape : known_shapes()) files.push_back(shape);
    return files;
}

Result<SuiteRequest> request_of(const Config& config, const ParsedOptions& options) {
    SuiteRequest request;
    const std::string name = subject_name(options);
    AFS_ASSIGN(request.subject.path, find_subject(config, name));
    for (const auto& [key, value] : config.plugin(name).options)
        request.subject.options[key] = value;
    for (const std::string& text : options.all("option")) {
        const size_t equals = text.find('=');
        if (equals == std::string::npos || equals == 0)
            return invalid("--option: expected KEY=VALUE, found '" + text + "'");
        request.subject.options[text.substr(0, equals)] = text.substr(equals + 1);
    }
    const auto facts = inspect_in_child(request.subject.path);
    if (!facts) return facts.status();
    if (!facts->usable) return unsupported(facts->reason);
    const bool host_memory = facts->kind != "kernels" || facts->domain == "cpu/1";
    bool owns = host_memory;
    for (const std::string& table : facts->provides) owns |= table == "afs.device/1";
    if (options.has("owner")) {
        AFS_ASSIGN(request.subject.owner_path, find_subject(config, options.text("owner")));
    } else if (!owns) {
        AFS_ASSIGN(request.subject.owner_path, find_owner(config, facts->domain));
    }
    const uint64_t cores = std::max(1u, std::thread::hardware_concurrency());
    AFS_ASSIGN(request.pool.n_workers,
               options.number("jobs", host_memory ? std::min<uint64_t>(cores, 16) : 1, 1, 256));
    AFS_ASSIGN(const uint64_t seconds, options.number("case-seconds", 20, 1, 86400));
    request.pool.case_seconds = static_cast<double>(seconds);
    AFS_ASSIGN(const uint64_t mib, options.number("case-memory", 6144, 64, uint64_t{1} << 32));
    request.pool.worker_bytes = mib << 20;
    AFS_ASSIGN(request.n_random, options.number("random", 0, 0, 1u << 30));
    AFS_ASSIGN(request.first_random, options.number("seed", 0, 0, uint64_t{1} << 62));
    request.level = options.has("full") ? Level::full : Level::quick;
    request.only = options.all("case");
    request.ops = options.all("op");
    request.groups = options.all("group");
    if (options.has("random") && request.groups.empty()) request.groups = {"stress"};
    request.journal = options.text("resume");
    request.shrink = !options.has("fit");
    if (options.has("fit")) request.groups = {"numeric"};
    if (options.has("waivers")) {
        AFS_ASSIGN(request.waivers, read_waivers(options.text("waivers")));
    }
    request.subject.files = files_for(config, facts->kind, options.has("model"));
    if (facts->kind == "kernels") AFS_TRY(open_profiles(config, options, request));
    return request;
}

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
    bool good = options.has("case") ? result.n_faults() == 0 : result.conformant();
    if (options.has("profile"))
        for (const ProfileVerdict& p : result.profiles) good = good && p.holds();
    return good ? kDone : kFailed;
}

std::string group_names() {
    std::string names;
    for (const char* group : kGroups) names += (names.empty() ? "" : ", ") + std::string(group);
    return names;
}

Status check_conformance_use(const ParsedOptions& options) {
    if (options.positional().empty() && !options.has("self-test"))
        return invalid("which plugin? give a file or a name: afs-host conformance reference");
    for (const std::string& op : options.all("op"))
        if (std::find(all_ops().begin(), all_ops().end(), op) == all_ops().end())
            return invalid("--op: there is no op '" + op + "'; expected one such as linear/1");
    for (const std::string& group : options.all("group"))
        if (std::find(std::begin(kGroups), std::end(kGroups), group) == std::end(kGroups))
            return invalid("--group: there is no group '" + group + "'; expected one of " +
                           group_names());
    for (const std::string& id : options.all("case"))
        if (id.find(':') != std::string::npos) AFS_TRY(parse_case(id).status());
    return {};
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
    if (!config) return report_bad_config(config.status());
    auto request = request_of(*config, options);
    if (!request)
        return report_failure(request.status(),
                              request.status().code() == Code::io ? kUsage : kNotLoaded);
    Progress progress("judging");
    request->progress = [&](uint64_t done, uint64_t total) { progress.update(done, total); };
    request->stop = [] { return interrupted() != 0; };
    if (options.has("self-test")) return run_self_test(*request, options, progress);
    const auto result = run_suite(*request);
    progress.clear();
    if (!result) return report_failure(result.status(), kNotLoaded);
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
         {"op", "OP", "only cases of this op (linear/1); may be repeated"},
         {"group", "NAME", "only one of " + group_names() + "; may be repeated"},
         {"profile", "NAME",
          "what must pass (a name in configs/conformance, or a file); without it all are tried"},
         {"random", "N", "N random cases, and nothing else unless --group says so"},
         {"seed", "N", "number of the first random case"},
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
