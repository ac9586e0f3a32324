// The options of every verb that opens a configuration: one flag for each key that has one.
#pragma once
#include <vector>

#include "afs/config/config.hpp"
#include "commands/options.hpp"

namespace afs {

std::vector<Option> config_options();

// Loads the configuration with the command line's values on top.
Result<Config> open_config(const ParsedOptions& options);

}  // namespace afs
