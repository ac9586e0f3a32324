#include "runtime/open_kernels.hpp"

#include <algorithm>

#include "engine/limits.hpp"
#include "loader/open.hpp"
#include "planner/planner.hpp"

namespace afs {
namespace {

Result<Backend> open_backend(const Config& config, const PluginSearch& search,
                             const std::string& name) {
    AFS_ASSIGN(auto file, find_and_load(search, "kernels", name));
    OpenRequest request;
    request.name = name;
    if (config.has("threads"))
        request.options["threads"] = std::to_string(config.natural("threads"));
    for (const auto& [key, value] : config.plugin(name).options) request.options[key] = value;
    Backend backend;
    backend.name = name;
    backend.plugin = file->name;
    backend.version = file->version;
    backend.path = file->path;
    backend.domain = file->domain;
    backend.options = request.options;
    AFS_ASSIGN(backend.sha256, file_sha256(file->path));
    AFS_ASSIGN(backend.api, open_kernels(file, request));
    return backend;
}

// What "auto" stands for: the first of the configuration's list that this machine can use.
Result<Backend> open_auto(const Config& config, const PluginSearch& search) {
    std::string others;
    for (const std::string& name : config.list("auto")) {
        Result<Backend> backend = open_backend(config, search, name);
        if (backend.ok()) {
            backend->chosen = "chosen by auto" + others;
            return backend;
        }
        const Code code = backend.status().code();
        if (code != Code::not_found && code != Code::unsupported) return backend;
        others += "; not " + name + ": " + backend.status().message();
    }
    if (others.empty())
        return invalid(
            "kernels: \"auto\" stands for the list `auto`, which is empty: list kernel plugins in "
            "it, best first, or include configs/default.json");
    return unsupported("kernels: auto finds none that can be used here" + others);
}

bool has_backend(const std::vector<Backend>& list, const std::string& name) {
    return std::any_of(list.begin(), list.end(),
                       [&name](const Backend& backend) { return backend.name == name; });
}

Status open_all(const Config& config, const PluginSearch& search,
                const std::vector<std::string>& names, const PlanRequest& so_far,
                std::vector<Backend>& into) {
    for (const std::string& name : names) {
        if (has_backend(into, name) && name != "auto")
            return invalid("'" + name + "' is listed twice among the kernels: name it once");
        if (has_backend(so_far.backends, name)) continue;
        const bool any = name == "auto";
        AFS_ASSIGN(Backend backend,
                   any ? open_auto(config, search) : open_backend(config, search, name));
        if (any && (has_backend(into, backend.name) || has_backend(so_far.backends, backend.name)))
            continue;
        into.push_back(std::move(backend));
    }
    return {};
}

// auto means that a model runs: what its choice does not support, in the host's memory, those
// behind it in the list do.
Status add_auto_fallback(const Config& config, const PluginSearch& search, const PlanRequest& named,
                         std::vector<Backend>& fallback) {
    const auto chosen =
        std::find_if(named.backends.begin(), named.backends.end(),
                     [](const Backend& backend) { return !backend.chosen.empty(); });
    if (chosen == named.backends.end() || chosen->domain != "cpu/1") return {};
    const std::vector<std::string> all = config.list("auto");
    for (auto name = std::find(all.begin(), all.end(), chosen->name); name != all.end(); ++name)
        if (!has_backend(fallback, *name))
            AFS_TRY(open_all(config, search, {*name}, named, fallback));
    return {};
}

// What the first device among the backends has free; 0: all compute in the host's memory.
uint64_t device_bytes(const std::vector<Backend>& backends) {
    for (const Backend& backend : backends) {
        Device* const device = backend.api->device();
        afs_device_info info = make<afs_device_info>();
        if (device && device->info(info).ok()) return info.available;
    }
    return 0;
}

PlanLimits limits_of(const Config& config, const afs_graph& graph, uint32_t context_length,
                     uint64_t device_bytes) {
    EngineOptions wanted;  // 0: recommended_limits decides
    wanted.max_sequences = static_cast<uint32_t>(config.natural("engine.max_sequences"));
    wanted.max_context = static_cast<uint32_t>(config.natural("engine.max_context"));
    if (config.has("engine.prefill_chunk"))
        wanted.prefill_chunk = static_cast<uint32_t>(config.natural("engine.prefill_chunk"));
    const afs_limits chosen = recommended_limits(graph, wanted, context_length, device_bytes);
    PlanLimits limits;
    limits.max_tokens = chosen.max_tokens;
    limits.max_seqs = chosen.max_seqs;
    limits.max_rows = chosen.max_rows;
    limits.max_context = chosen.max_context;
    return limits;
}

}  // namespace

Result<std::shared_ptr<const Plan>> open_plan(const Config& config, const PluginSearch& search,
                                              std::shared_ptr<const ResolvedGraph> graph,
                                              uint32_t context_length) {
    PlanRequest request;
    request.abi = &graph->graph();
    request.graph = std::move(graph);
    if (config.list("kernels").empty())
        return invalid(
            "no kernels are named: give --kernels NAME (or auto) or \"kernels\" in the config; "
            "afs-host plugins list shows what is there");
    AFS_TRY(open_all(config, search, config.list("kernels"), {}, request.backends));
    const PlanRequest named = request;
    AFS_TRY(open_all(config, search, config.list("fallback"), named, request.fallback));
    AFS_TRY(add_auto_fallback(config, search, named, request.fallback));
    for (const auto& [pattern, backend] : config.pins()) {
        request.pins.push_back({pattern, backend});
        if (!has_backend(request.fallback, backend) && !has_backend(request.pinned, backend))
            AFS_TRY(open_all(config, search, {backend}, named, request.pinned));
    }
    request.limits =
        limits_of(config, *request.abi, context_length, device_bytes(request.backends));
    if (config.has("engine.max_context") && context_length &&
        request.limits.max_context > context_length)
        return invalid("engine.max_context is " + std::to_string(request.limits.max_context) +
                       " (" + config.origin("engine.max_context") +
                       "), but the model was made for " + std::to_string(context_length) +
                       " positions: lower it");
    request.deterministic = config.flag("deterministic");
    request.allow_copies = static_cast<uint32_t>(config.natural("allow_copies"));
    // A backend's own wish stands unless the user asks for a size.
    if (config.origin("engine.block_size") != "default")
        request.block_size = static_cast<uint32_t>(config.natural("engine.block_size"));
    request.unused_is_warning = config.text("named_but_unused") == "warning";
    return make_plan(request);
}

}  // namespace afs
