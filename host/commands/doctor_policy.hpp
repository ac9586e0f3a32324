// doctor --policy: what the repository wants verified for an event, with its own report.
#pragma once
#include <filesystem>

#include "afs/config/config.hpp"
#include "commands/options.hpp"

namespace afs {

int run_policy(const ParsedOptions& options, const Result<Config>& config,
               const std::filesystem::path& reports);

}  // namespace afs
