// Limits for a plan, chosen so that steps stay within a modest amount of memory.
#pragma once
#include "afs/abi/ops.h"
#include "engine/engine.hpp"

namespace afs {

// Tokens, rows, sequences and context for a graph. Options that are not 0 are taken as they are;
// otherwise: the model's context length but at most 4,096; one sequence; prompt chunks of 512
// tokens, fewer where activations and logits would take more than 40 MiB. device_bytes: what is
// free in the memory of a device, if one takes the steps; its kernels want larger chunks, up to
// 4,096 tokens and a 32nd of that memory. max_blocks is 0.
afs_limits recommended_limits(const afs_graph& graph, const EngineOptions& options,
                              uint32_t model_context, uint64_t device_bytes = 0);

// Activations of the largest step if every node is a unit of its own, in the graph's order.
uint64_t plain_activation_bytes(const afs_graph& graph, const afs_limits& limits);

}  // namespace afs
