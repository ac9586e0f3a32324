// What all classes and buckets of one executor share: memories, weights, cache, arenas.
#pragma once
#include <vector>

#include "afs/graph/resolved_graph.hpp"
#include "engine/activations.hpp"
#include "engine/kv_cache.hpp"
#include "engine/weight_store.hpp"

namespace afs {

// The steps an engine makes, within the limits of its plan.
struct StepSizes {
    uint32_t max_context = 0, max_sequences = 0, prefill_chunk = 0, max_rows = 0;
    uint32_t block_size = 0, n_blocks = 0, max_blocks = 0;  // max_blocks: of one sequence
    bool prompts_first = false;
    std::vector<afs_limits> limits;  // [classes]
};

struct ExecContext {
    std::shared_ptr<const Plan> plan;
    const afs_graph* graph = nullptr;
    StepSizes sizes;
    // Last to die: everything below lives in these memories.
    std::vector<std::unique_ptr<Domain>> domains;  // [memories]
    WeightStore weights;
    std::unique_ptr<KvCache> kv;
    std::vector<Buffer> arenas;    // [memories]
    std::vector<Buffer> prev_ids;  // [memories], i32 [max_rows]
    uint32_t ids_value = kNone, logits_value = kNone;
};

}  // namespace afs
