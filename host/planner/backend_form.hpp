// A backend in a JSON report.
#pragma once
#include <nlohmann/json.hpp>

#include "planner/plan.hpp"

namespace afs {

/// Which plugin it is, so that a report says what ran: name, plugin, version, path, sha256.
nlohmann::ordered_json backend_form(const Backend& backend);

}  // namespace afs
