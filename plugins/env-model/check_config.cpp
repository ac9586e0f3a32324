// The active configuration: every file and folder it names is in place, and what it asks of the
// model is what the model has.
#include <unistd.h>

#include "checks.hpp"

namespace env_model {
namespace {

namespace fs = std::filesystem;

void check_paths(const Json& config, Findings& out) {
    std::error_code ignored;
    if (const Json* plugins = member(&config, "plugins"); plugins && plugins->is_object())
        for (const auto& [name, plugin] : plugins->items()) {
            const std::string path = text_of(&plugin, "path");
            if (path.empty()) continue;
            const bool there = fs::is_regular_file(path, ignored);
            out.push_back({there ? AFS_CHECK_OK : AFS_CHECK_FAIL, "config.plugins." + name,
                           path + (there ? "" : ": no such file"), "a plugin's file",
                           there ? "" : "correct plugins." + name + ".path, or build the plugin"});
        }
    if (const Json* folders = member(&config, "plugin_path"); folders && folders->is_array())
        for (const Json& folder : *folders) {
            if (!folder.is_string()) continue;
            const bool there = fs::is_directory(folder.get<std::string>(), ignored);
            out.push_back({there ? AFS_CHECK_OK : AFS_CHECK_WARN, "config.plugin_path",
                           folder.get<std::string>() + (there ? "" : ": no such folder"),
                           "folders that are there",
                           there ? "" : "take it out of plugin_path (AFS_PLUGIN_PATH)"});
        }
}

// The checkpoint of every family that is configured, not of the active one alone.
void check_models(const ActiveModel& model, Findings& out) {
    const Json* models = member(&model.config, "models");
    if (!models || !models->is_object()) return;
    std::error_code ignored;
    for (const auto& [family, entry] : models->items()) {
        const std::string path = text_of(&entry, "path");
        if (path.empty() || path == model.path.string()) continue;
        const bool there = fs::exists(path, ignored);
        out.push_back({there ? AFS_CHECK_OK : AFS_CHECK_WARN, "config.models." + family,
                       path + (there ? "" : ": not there"), "a checkpoint",
                       there ? "" : "fetch it with `afs-host weights fetch`, or correct the path"});
    }
}

void check_context(const ActiveModel& model, Findings& out) {
    const auto wanted = whole(member(&model.config, "engine"), "max_context");
    const auto has = whole(model.facts(), "max_position_embeddings");
    if (!wanted || !has) return;
    const bool fits = *wanted <= *has;
    out.push_back({fits ? AFS_CHECK_OK : AFS_CHECK_WARN, "config.max_context",
                   std::to_string(*wanted), "at most the model's " + std::to_string(*has),
                   fits ? "" : "lower engine.max_context (AFS_MAX_CONTEXT)"});
}

void check_dtype(const ActiveModel& model, Findings& out) {
    const std::string wanted = text_of(member(&model.config, "model"), "dtype");
    std::string has = text_of(model.facts(), "torch_dtype");
    if (has.empty()) has = text_of(model.facts(), "dtype");
    if (wanted.empty() || has.empty()) return;
    const bool narrow = wanted == "fp16" && has == "bfloat16";
    out.push_back(
        {narrow ? AFS_CHECK_WARN : AFS_CHECK_OK, "config.dtype",
         wanted + ", the checkpoint is " + has, "",
         narrow ? "bf16 values can exceed what fp16 holds: set model.dtype to bf16 or fp32" : ""});
}

}  // namespace

Findings check_config(const Look& look) {
    Findings out;
    check_paths(look.model.config, out);
    check_models(look.model, out);
    check_context(look.model, out);
    check_dtype(look.model, out);
    if (!look.view.config_file.empty() && access(look.view.config_file.c_str(), R_OK) != 0)
        out.push_back({AFS_CHECK_FAIL, "config.file", look.view.config_file + " cannot be read", "",
                       "chmod +r '" + look.view.config_file + "'"});
    return out;
}

}  // namespace env_model
