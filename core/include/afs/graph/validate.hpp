// Whether a graph is what the contract (afs/abi/graph.h) says. Whoever uses a foreign graph calls
// this first: past it, every index is in range, every value has one writer before its readers, and
// every node's shapes, dtypes and parameters fit its op.
#pragma once
#include <string>

#include "afs/abi/graph.h"
#include "afs/status.hpp"

namespace afs {

// Reads only what the counts and sizes in the graph say is there. The message names the first
// fault by tag and op.
Status validate(const afs_graph& graph);

// "act bf16 [n_tokens, 64]", for messages.
std::string describe(const afs_value& value);

}  // namespace afs
