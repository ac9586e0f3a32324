// Limits for a plan, chosen so that steps stay within a modest amount of memory.
#pragma once
#include "afs/abi/ops.h"
#include "engine/engine.hpp"

namespace afs {

// Tokens, rows, sequences and context for a graph. Options that are not 0 are taken as they are;
// otherwise: the model's context length but at most 4,096; one sequence; prompt chunks of 512
// tokens, fewer where activations and logits would take more than 40 MiB. max_blocks is 0.
afs_limits recommended_limits(const afs_graph& graph, const EngineOptions& options,
                              uint32_t model_context);

}  // namespace afs
