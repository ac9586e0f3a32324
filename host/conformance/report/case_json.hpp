// A result as JSON: it crosses from a worker to the suite as one line.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "conformance/report/case_result.hpp"

namespace afs::conformance {

nlohmann::ordered_json as_json(const CaseResult& result);
CaseResult result_from(const nlohmann::json& json);

}  // namespace afs::conformance
