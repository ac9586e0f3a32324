// Where plugin files are looked for. A name gives exactly one file, and only that one is opened.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "afs/status.hpp"
#include "loader/plugin_file.hpp"

namespace afs {

struct PluginSearch {
    std::vector<std::string> files;            // --plugin FILE, first
    std::map<std::string, std::string> paths;  // the config's plugins.<name>.path
    std::vector<std::string> env_folders;      // AFS_PLUGIN_PATH
    std::vector<std::string> folders;          // beside the binary, then the install prefix
    std::vector<std::string> notes;            // what was left out, and why
};

// env_folders and folders of this process; AFS_PLUGIN_PATH is ignored when running set-uid.
PluginSearch standard_search();

// The path of the plugin, or NOT_FOUND: where it was looked for and the nearest name there is.
Result<std::string> find_plugin(const PluginSearch& search, const std::string& kind,
                                const std::string& name);

// find_plugin, then load_plugin.
Result<std::shared_ptr<const PluginFile>> find_and_load(const PluginSearch& search,
                                                        const std::string& kind,
                                                        const std::string& name);

struct Candidate {
    std::string path, kind, name;  // kind and name as the file name has them; empty: it has not
    std::string source;            // "--plugin", "config plugins.x.path", "AFS_PLUGIN_PATH", folder
    bool shadowed = false;         // an earlier one of this kind and name is taken instead
};

// Every file that a name could mean, in the order of the search. Opens nothing.
std::vector<Candidate> list_candidates(const PluginSearch& search);

// For messages that list what there is, or what was asked: the names; without any, where plugins
// were looked for and what to do.
inline constexpr const char* kGetPlugins =
    "build them (./setup.sh), or name their folder in AFS_PLUGIN_PATH";
std::string names_or_where(const std::string& names, const PluginSearch& search);

// "afs-kernels-cuda.so" -> kind "kernels", name "cuda"; false for another form.
bool parse_plugin_file_name(const std::string& path, std::string& kind, std::string& name);

}  // namespace afs
