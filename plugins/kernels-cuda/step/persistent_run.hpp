// Fused stages of a step of one sequence that follow each other, as one persistent launch
// (persistent/persistent.hpp).
#pragma once
#include "persistent/persistent.hpp"
#include "step/match.hpp"

namespace afs::cuda {

struct PersistentRun {
    struct Op {
        Fused fused;
        PersistentArgs args;             // without pointers
        std::vector<uint8_t> is_stored;  // of a product's outs: somebody outside reads it
        bool stores_sum = false;
    };
    std::vector<Op> ops;  // empty: none pays
};

// As many of the stages from the first on as one launch takes.
PersistentRun find_persistent(const afs_query& query, const afs_region& region,
                              const afs_step& sizes, const std::vector<const Fused*>& stages,
                              Persistent wanted);

std::unique_ptr<Stage> make_persistent_stage(const afs_graph& graph, PersistentRun run,
                                             int32_t in_flight);

}  // namespace afs::cuda
