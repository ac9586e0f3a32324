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

// Whether a weight of this shape can be stored in dtype: a float type, or a block format whose
// whole blocks its rows are.
bool stores_weight(const afs_value& value, int32_t dtype);

// "act bf16 [n_tokens, 64]", for messages.
std::string describe(const afs_value& value);

}  // namespace afs
