// Models by the words of a command line: those that lie here, and those of a hub.
#pragma once
#include <filesystem>
#include <string>

#include "afs/status.hpp"
#include "hub/short_names.hpp"

namespace afs {

// The path itself where there is one, else the folder that `weights fetch NAME` writes to.
Result<std::filesystem::path> local_model(const std::string& asked);

// A short name of configs/hub-models.json, or ORG/NAME.
Result<hub::ShortName> hub_model(const std::string& asked);

}  // namespace afs
