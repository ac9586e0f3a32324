// The weights part of a report: the active checkpoint's files, and what was fetched.
#pragma once
#include <filesystem>

#include "afs/config/config.hpp"
#include "report/report.hpp"

namespace afs {

void add_weights(const Config& config, const std::filesystem::path& reports,
                 report::Section& section);

}  // namespace afs
