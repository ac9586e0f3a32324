#include "runtime/open_model.hpp"

#include <filesystem>

#include "afs/graph/validate.hpp"
#include "afs/json.hpp"
#include "afs/kernels.hpp"  // make
#include "afs/numeric.hpp"  // dtype_name
#include "loader/open.hpp"

namespace afs {
namespace {

namespace fs = std::filesystem;

OpenRequest open_request(const Config& config, const std::string& name) {
    OpenRequest request;
    request.name = name;
    for (const auto& [key, value] : config.plugin(name).options) request.options[key] = value;
    return request;
}

Result<std::shared_ptr<ModelArchitecture>> open_family(const Config& config,
                                                       const PluginSearch& search,
                                                       const std::string& name) {
    AFS_ASSIGN(auto file, find_and_load(search, "model", name));
    return open_model(file, open_request(config, name));
}

// "config.json (model_type "qwen2", architectures ["Qwen2ForCausalLM"])"
std::string stated_family(const char* config_json) {
    const auto config = json::parse(config_json);
    const auto stated = [&](const char* key) {
        const json::Value* value = config ? config->find(key) : nullptr;
        return key + (value ? " " + json::dump(*value).substr(0, 100) : std::string(" absent"));
    };
    return "config.json (" + stated("model_type") + ", " + stated("architectures") + ")";
}

// The family that knows a config.json best, among all that are found.
Status choose_family(const Config& config, const PluginSearch& search,
                     const afs_model_source& source, OpenedModel& out) {
    int best = 0;
    std::string tried;
    for (const Candidate& candidate : list_candidates(search)) {
        if (candidate.kind != "model" || candidate.shadowed) continue;
        auto family = open_family(config, search, candidate.name);
        tried += (tried.empty() ? "" : "; ") + candidate.name + ": ";
        if (!family) {
            tried += family.status().message();
            continue;
        }
        const int score = (*family)->score(source);
        tried += score > 0 ? "yes" : "not its kind";
        if (score <= best) continue;
        best = score;
        out.plugin = *family;
        out.plugin_name = candidate.name;
    }
    if (best > 0) return {};
    const std::string what = source.is_gguf
                                 ? "architecture '" + out.checkpoint->architecture() + "'"
                                 : stated_family(source.config_json);
    return unsupported("no model plugin knows the " + what + " of " + out.origin +
                       "; asked: " + names_or_where(tried, search));
}

// "llama-3.2-1b" -> configs/shapes/llama-3.2-1b.json beside the build tree or install prefix.
Result<fs::path> find_shape(const std::string& shape) {
    std::error_code ignored;
    if (fs::is_regular_file(shape, ignored)) return fs::path(shape);
    const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
    std::string known;
    for (const char* folder : {"../../../configs/shapes", "../share/afs/configs/shapes"}) {
        const fs::path shapes = program.parent_path() / folder;
        const fs::path file = shapes / (shape + ".json");
        if (fs::is_regular_file(file, ignored)) return file.lexically_normal();
        for (const auto& entry : fs::directory_iterator(shapes, ignored))
            known += (known.empty() ? "" : ", ") + entry.path().stem().string();
    }
    return not_found("no shape is called '" + shape + "' and there is no such file; there are: " +
                     (known.empty() ? "none beside this program: give a config.json" : known));
}

// The configured family, or "" when it is to be chosen by the checkpoint: a path from the command
// line says more than a family from a file.
std::string configured_family(const Config& config) {
    std::string family = config.text("model.plugin");
    const auto from_command_line = [&config](const char* key) {
        return config.origin(key).rfind("command line", 0) == 0;
    };
    if (family == "auto" || (from_command_line("model.path") && !from_command_line("model.plugin")))
        return "";
    return family;
}

// Builds the graph in the configured dtype, else the checkpoint's, else bf16.
Status build(const Config& config, afs_model_source source, OpenedModel& out) {
    out.info = make<afs_model_info>();
    source.dtype = AFS_F32;
    const std::string configured = config.text("model.dtype");
    if (!configured.empty()) {
        source.dtype = parse_dtype(configured);
    } else {
        AFS_TRY(out.plugin->build(source, out.info).status());
        source.dtype = out.info.checkpoint_dtype ? out.info.checkpoint_dtype : AFS_BF16;
    }
    AFS_ASSIGN(out.graph, out.plugin->build(source, out.info));
    AFS_TRY(validate(*out.graph));
    out.dtype = source.dtype;
    return {};
}

Status open_checkpoint(const Config& config, bool with_tensors, OpenedModel& out) {
    AFS_ASSIGN(const fs::path path, config.model_path());
    const std::string key = config.model_path_key();
    out.origin = path.string() + " (" + key + " from " + config.origin(key) + ")";
    out.name =
        path.filename().empty() ? path.parent_path().filename().string() : path.filename().string();
    AFS_ASSIGN(out.checkpoint,
               with_tensors ? Checkpoint::open(path) : Checkpoint::open_texts(path));
    return {};
}

// The family that the checkpoint, or a shape, belongs to, and its graph.
Status open_graph(const Config& config, const PluginSearch& search, const std::string& family,
                  const std::string& config_json, OpenedModel& out) {
    afs_model_source source = make<afs_model_source>();
    source.dtype = AFS_F32;
    source.world = 1;
    source.config_json = config_json.c_str();
    if (out.checkpoint) {
        if (const auto& generation = out.checkpoint->generation_json())
            source.generation_json = generation->c_str();
        source.is_gguf = out.checkpoint->is_gguf();
    }
    if (family.empty()) {
        AFS_TRY(choose_family(config, search, source, out));
    } else {
        out.plugin_name = family;
        AFS_ASSIGN(out.plugin, open_family(config, search, family));
    }
    return build(config, source, out)
        .context("model plugin '" + out.plugin_name + "' on " + out.origin);
}

}  // namespace

int32_t parse_dtype(const std::string& name) {
    for (const int32_t dtype : {AFS_F32, AFS_BF16, AFS_F16, AFS_F64})
        if (name == dtype_name(dtype)) return dtype;
    return AFS_DTYPE_NONE;
}

std::string render_for_others(const Config& config) {
    if (!configured_family(config).empty()) return config.render();
    const auto chosen = config.with({{"model.plugin", "auto", config.origin("model.path")}});
    return (chosen ? *chosen : config).render();
}

Result<OpenedModel> open_model_source(const Config& config, const PluginSearch& search,
                                      const std::string& random_weights) {
    OpenedModel out;
    std::string family = configured_family(config);
    if (random_weights.empty()) {
        AFS_TRY(open_checkpoint(config, true, out));
        AFS_TRY(open_graph(config, search, family, out.checkpoint->config_json(), out));
        return out;
    }
    AFS_ASSIGN(const fs::path shape, find_shape(random_weights));
    AFS_ASSIGN(const std::string config_json, read_object_file(shape));
    out.name =
        shape.stem() == "config" ? shape.parent_path().filename().string() : shape.stem().string();
    out.origin = shape.string() + ", random weights";
    if (config.origin("model.plugin").rfind("command line", 0) != 0) family.clear();
    AFS_TRY(open_graph(config, search, family, config_json, out));
    return out;
}

Result<OpenedModel> open_model_texts(const Config& config, const PluginSearch& search) {
    OpenedModel out;
    AFS_TRY(open_checkpoint(config, false, out));
    if (out.checkpoint->config_json().empty())
        return not_found("cannot load model '" + out.origin + "': no config.json in " +
                         out.checkpoint->folder().string());
    AFS_TRY(
        open_graph(config, search, configured_family(config), out.checkpoint->config_json(), out));
    return out;
}

}  // namespace afs
