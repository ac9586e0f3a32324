// How large the engine's steps and its cache are: the options, the plan's limits and the memory
// that is free decide together.
#pragma once
#include "engine/domain.hpp"
#include "engine/engine.hpp"
#include "engine/exec_context.hpp"

namespace afs {

// Everything but the number of blocks. INVALID: an option beyond the plan's limits.
Result<StepSizes> step_sizes(const Plan& plan, const EngineOptions& options);

// Adds the number of blocks; lowers max_context to what they hold where options.kv_bytes says so.
Status size_cache(const Plan& plan, const WeightSet& weights, const EngineOptions& options,
                  const std::vector<std::unique_ptr<Domain>>& domains, StepSizes& sizes);

}  // namespace afs
