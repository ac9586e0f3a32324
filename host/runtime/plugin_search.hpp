// Where a configuration lets plugins come from.
#pragma once
#include "afs/config/config.hpp"
#include "loader/search.hpp"

namespace afs {

// plugins.<name>.path first, then plugin_path (AFS_PLUGIN_PATH), then beside the program.
PluginSearch plugin_search(const Config& config);

}  // namespace afs
