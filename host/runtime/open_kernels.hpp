// The kernels side of opening a runtime: the named backends, and the plan over them.
#pragma once
#include <memory>

#include "afs/config/config.hpp"
#include "afs/graph/resolved_graph.hpp"
#include "loader/search.hpp"
#include "planner/plan.hpp"

namespace afs {

// Opens kernels, fallback and what pins name, then plans. context_length: the model's.
Result<std::shared_ptr<const Plan>> open_plan(const Config& config, const PluginSearch& search,
                                              std::shared_ptr<const ResolvedGraph> graph,
                                              uint32_t context_length);

}  // namespace afs
