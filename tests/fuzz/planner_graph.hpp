// Graphs that an input describes: ops in any order on any values that came before, most of them
// fitting, and then a few fields overwritten.
#pragma once
#include <fuzzer/FuzzedDataProvider.h>

#include <memory>
#include <string>

#include "core/graph/toy_graph.hpp"

namespace afs::fuzz {

struct DrawnGraph {
    GraphBuilder builder{AFS_BF16};
    test::OpenGraph open;
    explicit DrawnGraph(FuzzedDataProvider& in);
};

std::unique_ptr<DrawnGraph> make_graph(FuzzedDataProvider& in);
// What the "file" stores line i of the weight table in.
int32_t weight_dtype(FuzzedDataProvider& in, const afs_graph& graph, uint32_t line);
// A tag of the graph, an op, or a pattern with '*'.
std::string pin_pattern(FuzzedDataProvider& in, const afs_graph& graph);

}  // namespace afs::fuzz
