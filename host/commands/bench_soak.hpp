// bench --soak: continuous mixed requests, and what memory did meanwhile.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "afs/status.hpp"
#include "commands/options.hpp"

namespace afs {

class Runtime;

// Prints a summary, or adds it to the report with --json. An error: a step failed, or memory grew.
Status soak(Runtime& runtime, const ParsedOptions& options, nlohmann::ordered_json& report);

}  // namespace afs
