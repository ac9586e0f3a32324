// Names of well-known models for the command line, from configs/hub-models.json: this source knows
// none.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "afs/status.hpp"

namespace afs::hub {

struct ShortName {
    std::string name, repository;  // "smollm2-135m", "ORG/NAME"
    bool gated = false;            // needs an account that was given access
};

// In the file's order.
Result<std::vector<ShortName>> read_short_names(const std::filesystem::path& file);

// A short name, or ORG/NAME itself. INVALID names the short names that there are.
Result<ShortName> find_repository(const std::string& asked, const std::vector<ShortName>& known);

}  // namespace afs::hub
