#include "runtime/plugin_search.hpp"

namespace afs {

PluginSearch plugin_search(const Config& config) {
    PluginSearch search = standard_search();
    for (const std::string& name : config.named_plugins()) {
        const PluginOptions plugin = config.plugin(name);
        if (!plugin.path.empty()) search.paths[name] = plugin.path.string();
    }
    // A set-uid process must not take folders from its environment: standard_search noted it.
    if (search.notes.empty() && config.has("plugin_path")) {
        search.env_folders.clear();
        for (const auto& folder : config.paths("plugin_path"))
            search.env_folders.push_back(folder.string());
    }
    return search;
}

}  // namespace afs
