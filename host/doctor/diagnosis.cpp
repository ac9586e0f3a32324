#include "doctor/diagnosis.hpp"

#include <algorithm>
#include <future>

#include "afs/json.hpp"
#include "doctor/model_opening.hpp"
#include "doctor/places.hpp"
#include "runtime/plugin_search.hpp"

namespace afs {
namespace {

void add(Diagnosis& out, Finding finding) {
    out.findings.push_back({kHostChecks, "host", std::move(finding)});
}

void add_config(const Result<Config>& config, Diagnosis& out) {
    if (!config) {
        add(out, {AFS_CHECK_FAIL, "config", config.status().message(), "a configuration that loads",
                  "correct what the message names, or point --config to another file; the checks "
                  "ran on the defaults"});
        return;
    }
    out.config_file = config->file().string();
    for (const auto& [key, setting] : config->settings())
        out.settings[key] = {json::dump(setting.value), setting.origin};
    const bool found = !config->file().empty();
    add(out, {found ? AFS_CHECK_OK : AFS_CHECK_WARN, "config",
              found ? config->file().string() : "no configuration file: defaults", "",
              found ? "" : "give one with --config FILE or AFS_CONFIG"});
    for (const std::string& warning : config->warnings())
        add(out,
            {AFS_CHECK_WARN, "config.environment", warning, "", "unset or correct the variable"});
}

// Why a plugin that the configuration names cannot be used; empty: it can.
std::string why_unusable(const PluginSearch& search, const char* kind, const std::string& name,
                         const Diagnosis& diagnosis) {
    const auto path = find_plugin(search, kind, name);
    if (!path) return path.status().message();
    for (const SurveyedPlugin& plugin : diagnosis.plugins)
        if (plugin.candidate.path == *path && !plugin.usable())
            return "'" + name + "' does not work here: " + plugin.reason();
    return "";
}

// Plugins that cannot be used, and names in the configuration that no file has.
void add_plugins(const Config* config, const PluginSearch& search, Diagnosis& out) {
    size_t n = 0;
    for (const SurveyedPlugin& plugin : out.plugins) {
        if (plugin.usable()) {
            ++n;
            continue;
        }
        if (plugin.candidate.shadowed) continue;
        const std::string name = plugin.kind() + "-" + plugin.candidate.name;
        add(out, {AFS_CHECK_WARN, "plugin." + name, plugin.reason(), "",
                  "what needs it does not work here; more: afs-host plugins inspect " + name});
    }
    add(out, {n ? AFS_CHECK_OK : AFS_CHECK_FAIL, "plugins", std::to_string(n) + " usable", "",
              n ? "" : kGetPlugins});
    for (const std::string& note : search.notes)
        add(out, {AFS_CHECK_WARN, "plugins.search", note, "", "see the message"});
    if (!config) return;
    for (const auto& [key, kind] :
         {std::pair{"kernels", "kernels"}, {"fallback", "kernels"}, {"checks", "env"}})
        for (const std::string& name : config->list(key)) {
            if (name == "auto") continue;  // no plugin's name
            const std::string reason = why_unusable(search, kind, name, out);
            if (!reason.empty())
                add(out, {AFS_CHECK_FAIL, std::string("config.") + key, reason, "",
                          "correct '" + std::string(key) + "' (" + config->origin(key) + ")"});
        }
}

// Nothing where no model is configured, or none is there: the plugin `model` says that.
std::future<Result<std::string>> start_opening(const Result<Config>& config) {
    std::error_code ignored;
    const auto path = config ? config->model_path() : config.status();
    if (!path || !std::filesystem::exists(*path, ignored)) return {};
    return std::async(kOwnThread, [&config] { return open_model_in_child(*config); });
}

void add_opening(const Result<std::string>& opened, Diagnosis& out) {
    if (opened)
        add(out, {AFS_CHECK_OK, "model.opens", *opened, "", ""});
    else
        add(out, {AFS_CHECK_FAIL, "model.opens", opened.status().message(),
                  "a model that can run with these kernels",
                  "see the message; kernels and nodes: afs-host explain"});
}

std::vector<CheckRun> wanted_checks(const Result<Config>& config, const Diagnosis& diagnosis,
                                    double seconds) {
    std::vector<std::string> named;
    if (config) named = config->list("checks");
    std::vector<CheckRun> runs;
    for (const SurveyedPlugin& plugin : diagnosis.plugins) {
        const std::string& name = plugin.candidate.name;
        if (plugin.kind() != "env" || plugin.candidate.shadowed || !plugin.usable()) continue;
        if (!named.empty() && std::find(named.begin(), named.end(), name) == named.end()) continue;
        CheckRun run{plugin.candidate.path, name, {}, {}, seconds};
        if (config) {
            for (const auto& [key, value] : config->plugin(name).options) run.options[key] = value;
            run.view.config_json = config->render();
            run.view.config_file = config->file().string();
        }
        run.view.root = diagnosis.root.string();
        runs.push_back(std::move(run));
    }
    return runs;
}

}  // namespace

size_t Diagnosis::count(int32_t status) const {
    return static_cast<size_t>(
        std::count_if(findings.begin(), findings.end(),
                      [status](const CheckedFinding& f) { return f.finding.status == status; }));
}

std::vector<std::string> Diagnosis::usable(const std::string& kind) const {
    std::vector<std::string> names;
    for (const SurveyedPlugin& plugin : plugins)
        if (plugin.usable() && !plugin.candidate.shadowed && plugin.kind() == kind)
            names.push_back(plugin.candidate.name);
    return names;
}

Diagnosis diagnose(const Result<Config>& config, const DiagnosisOptions& options) {
    Diagnosis out;
    out.root = project_root();
    add_config(config, out);
    const PluginSearch search = config ? plugin_search(*config) : standard_search();
    out.plugins = survey_plugins(search, options.inspect);
    add_plugins(config ? &*config : nullptr, search, out);
    auto opening = start_opening(config);
    const std::vector<CheckRun> runs = wanted_checks(config, out, options.check_seconds);
    std::vector<std::future<std::vector<CheckedFinding>>> pending;
    pending.reserve(runs.size());
    for (const CheckRun& run : runs)
        pending.push_back(std::async(kOwnThread, [&run] { return run_checks(run); }));
    if (opening.valid()) add_opening(opening.get(), out);
    for (auto& one : pending)
        for (CheckedFinding& finding : one.get()) out.findings.push_back(std::move(finding));
    return out;
}

}  // namespace afs
