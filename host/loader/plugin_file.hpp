// One plugin file in this process: opened, its descriptor read and compared. Nothing of the plugin
// but its static initialisers has run by then. A file stays loaded until the process ends.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "afs/abi/base.h"
#include "afs/status.hpp"

namespace afs {

struct PluginFile {
    std::string path;  // absolute
    std::string kind, name, version, licence, build, domain;
    std::vector<std::string> provides;
    afs_plugin descriptor{};  // members that an older plugin lacks are 0

    bool lists(const std::string& table) const;
    // NULL where the plugin does not list the id.
    const void* table(const char* id) const;
};

// Opens a file, then compares version and size, kind, name and tables. Every refusal names the
// path, the reason and the remedy. kind empty: any. The same path twice gives the same object.
Result<std::shared_ptr<const PluginFile>> load_plugin(const std::string& path,
                                                      const std::string& kind);

// SHA-256 of a file, 64 hex digits.
Result<std::string> file_sha256(const std::string& path);

// The kinds of the contract: model, kernels, tokenizer, env.
const std::vector<std::string>& plugin_kinds();
// INVALID: it is none of them.
Status check_plugin_kind(const std::string& kind);

}  // namespace afs
