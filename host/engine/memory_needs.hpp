// What a plan takes of each memory beside the KV cache, and what that leaves.
#pragma once
#include <string>
#include <vector>

#include "afs/weights/weight_set.hpp"
#include "engine/domain.hpp"
#include "engine/exec_context.hpp"

namespace afs {

struct MemoryNeeds {
    std::string name;  // "cuda:0"
    uint64_t available = 0;
    uint64_t weights = 0;      // copies and packings
    uint64_t activations = 0;  // with the workspaces of ops
    uint64_t margin = 0;       // for what kernels and captures take later

    uint64_t left() const {
        const uint64_t taken = weights + activations + margin;
        return available > taken ? available - taken : 0;
    }
    // "weights 15317 MiB, activations 210 MiB and a margin of 1024 MiB"
    std::string text() const;
    // The setting that helps when `cache` bytes of KV cache do not fit.
    std::string remedy(uint64_t cache) const;
};

// Of each memory that says what it has free; before anything is allocated.
std::vector<MemoryNeeds> memory_needs(const Plan& plan, const WeightSet& weights,
                                      const StepSizes& sizes,
                                      const std::vector<std::unique_ptr<Domain>>& domains);

// "513 MiB", rounded up.
std::string mib(uint64_t bytes);

}  // namespace afs
