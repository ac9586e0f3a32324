// A graph's weight table, checked: what a checkpoint or a generator of weights fills.
#pragma once
#include <string>
#include <vector>

#include "afs/abi/graph.h"
#include "afs/status.hpp"

namespace afs::weights {

struct Line {
    uint32_t value = 0;
    std::string tag;
    std::vector<std::string> names, duplicates;
    int32_t rank = 0;
    int64_t dims[AFS_MAX_RANK] = {1, 1, 1, 1};
    int32_t dtype = AFS_DTYPE_NONE;  // what the graph insists on; NONE: as the file has it
    uint64_t elements = 0;
};

// Every weight value has exactly one line and every line a weight value of known shape.
Result<std::vector<Line>> read_lines(const afs_graph& graph);

// "a|b" as {"a", "b"}; nullptr and "" as {}.
std::vector<std::string> split_names(const char* names);

std::string shape_text(const int64_t* dims, size_t rank);  // "[2048, 512]"

}  // namespace afs::weights
