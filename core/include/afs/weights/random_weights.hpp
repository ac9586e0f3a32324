// Random weights for benchmarks: each weight in a mapping of its own, values N(0, 0.02), vectors
// (the weights of norms) N(1, 0.02). Values are drawn from 65,536 quantiles of the distribution,
// rounded to the dtype; the same seed gives the same bytes whatever the number of threads.
#pragma once
#include <cstdint>

#include "afs/weights/weight_set.hpp"

namespace afs {

struct RandomWeightOptions {
    int32_t dtype = AFS_BF16;  // AFS_F32, AFS_BF16 or AFS_F16
    uint64_t seed = 1;
    uint32_t n_threads = 0;  // 0: all processors of this process
    // For weights that are only copied elsewhere: made sooner, with fewer page faults. Kernels that
    // read them in place should find ordinary pages, as a mapped checkpoint has.
    bool large_pages = false;
    uint64_t available_bytes = 0;  // 0: ask the system (free memory and the cgroup's limit)
};

// Refused before anything is allocated when the memory needed exceeds what is available.
Result<WeightSet> random_weights(const afs_graph& graph, const RandomWeightOptions& options = {});

}  // namespace afs
