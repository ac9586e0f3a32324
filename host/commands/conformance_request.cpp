// What conformance is to judge and how, read from its command line.
#include "commands/conformance_request.hpp"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "conformance/checks/abi_checks.hpp"
#include "conformance/checks/kernel_checks.hpp"  // region_ids
#include "conformance/checks/other_checks.hpp"
#include "loader/inspect.hpp"
#include "runtime/open_model.hpp"
#include "runtime/plugin_search.hpp"

namespace afs {

using namespace conformance;

namespace {

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

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
}

Status read_limits(const ParsedOptions& options, SuiteRequest& request) {
    AFS_ASSIGN(request.pool.n_workers, options.number("jobs", 0, 1, 256));
    AFS_ASSIGN(const uint64_t seconds, options.number("case-seconds", 20, 1, 86400));
    request.pool.case_seconds = static_cast<double>(seconds);
    AFS_ASSIGN(const uint64_t mib, options.number("case-memory", 6144, 64, uint64_t{1} << 32));
    request.pool.worker_bytes = mib << 20;
    AFS_ASSIGN(request.n_random, options.number("random", 0, 1, 1u << 30));
    AFS_ASSIGN(request.first_random, options.number("seed", 0, 0, uint64_t{1} << 62));
    return {};
}

Status read_plugin_options(const ParsedOptions& options, SuiteRequest& request) {
    for (const std::string& text : options.all("option")) {
        const size_t equals = text.find('=');
        if (equals == std::string::npos || equals == 0)
            return invalid("--option: expected KEY=VALUE, found '" + text + "'");
        request.subject.options[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return {};
}

}  // namespace

std::string subject_name(const ParsedOptions& options) {
    if (!options.positional().empty()) return options.positional().front();
    std::string path;
    for (const std::string& folder : standard_search().folders) {
        path = folder + "/self-test/afs-kernels-seeded-bugs.so";
        if (std::filesystem::exists(path)) break;
    }
    return path;
}

std::string group_names() {
    return joined({std::begin(kGroups), std::end(kGroups)});
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
        if (id.find(':') != std::string::npos) AFS_TRY(check_case_id(id).context("--case"));
    return {};
}

Result<SuiteRequest> read_suite_options(const ParsedOptions& options) {
    SuiteRequest request;
    AFS_TRY(read_limits(options, request));
    AFS_TRY(read_plugin_options(options, request));
    request.level = options.has("full") ? Level::full : Level::quick;
    request.only = options.all("case");
    request.ops = options.all("op");
    request.groups = options.all("group");
    request.journal = options.text("resume");
    request.shrink = !options.has("fit");
    if (options.has("fit")) request.groups = {"numeric"};
    for (const std::string& name : options.all("profile")) AFS_TRY(find_profile(name).status());
    if (options.has("waivers")) {
        AFS_ASSIGN(request.waivers, read_waivers(options.text("waivers")));
    }
    return request;
}

Result<std::string> find_judged(const Config& config, const ParsedOptions& options,
                                SuiteRequest& request) {
    const std::string name = subject_name(options);
    AFS_ASSIGN(request.subject.path, find_subject(config, name));
    for (const auto& [key, value] : config.plugin(name).options)
        request.subject.options.emplace(key, value);  // the command line's are there already
    AFS_ASSIGN(const PluginFacts facts, inspect_in_child(request.subject.path));
    if (!facts.usable) return unsupported(facts.reason);
    const bool host_memory = facts.kind != "kernels" || facts.domain == "cpu/1";
    bool owns = host_memory;
    for (const std::string& table : facts.provides) owns |= table == "afs.device/1";
    if (options.has("owner")) {
        AFS_ASSIGN(request.subject.owner_path, find_subject(config, options.text("owner")));
    } else if (!owns) {
        AFS_ASSIGN(request.subject.owner_path, find_owner(config, facts.domain));
    }
    const uint64_t cores = std::max(1u, std::thread::hardware_concurrency());
    if (!options.has("jobs"))
        request.pool.n_workers = host_memory ? std::min<uint64_t>(cores, 16) : 1;
    request.subject.files = files_for(config, facts.kind, options.has("model"));
    return facts.kind;
}

Status check_parts(const std::string& kind, const ParsedOptions& options,
                   const SuiteRequest& request) {
    const std::string plugin = "a " + kind + " plugin";
    if (kind != "kernels")
        for (const char* flag : {"op", "random", "fit", "profile"})
            if (options.has(flag))
                return invalid(std::string("--") + flag + " is for kernels; '" +
                               subject_name(options) + "' is " + plugin);
    const std::vector<std::string> groups = groups_of(kind);
    for (const std::string& group : request.groups)
        if (std::find(groups.begin(), groups.end(), group) == groups.end())
            return invalid("--group: " + plugin + " has no group '" + group +
                           "'; expected one of " + joined(groups));
    std::vector<std::string> checks = abi_checks(kind);
    for (const OtherCheck& each : other_checks(kind)) checks.push_back(each.id);
    if (kind == "kernels")
        for (const std::string& id : region_ids(request.subject.files)) checks.push_back(id);
    for (const std::string& id : request.only) {
        const bool of_kernels = id.find(':') != std::string::npos;
        if (of_kernels ? kind == "kernels"
                       : std::find(checks.begin(), checks.end(), id) != checks.end())
            continue;
        return invalid("--case: " + plugin + " has no case '" + id + "'; expected one of " +
                       joined(checks) +
                       (kind == "kernels" ? ", or OP:ACT:STORED:SHAPE:FAMILY[:SEED]" : ""));
    }
    return {};
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

}  // namespace afs
