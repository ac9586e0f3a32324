// Makes the plan: asks every backend what it takes and places every node, or says why it cannot.
//
// Order: pins; then for each backend in the list the sets it claims, then its single ops; then the
// fallback list. Nothing is placed quietly: a node that nobody takes, a named backend that gets no
// node, a pin that hits nothing and a copy between memories inside decode are errors with reasons.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "afs/status.hpp"
#include "planner/plan.hpp"

namespace afs {

// pattern: a value's tag in which '*' matches inside one dotted part ("L*.attn.ctx"), or an op id
// ("rms_norm/1"). A whole tag goes before a pattern, a pattern before an op id.
struct Pin {
    std::string pattern, backend;
};

struct PlanLimits {
    uint32_t max_tokens = 512;    // of one step
    uint32_t max_seqs = 1;        // sequences in one step
    uint32_t max_rows = 0;        // logit rows of one step; 0: max_seqs
    uint32_t max_context = 2048;  // tokens of one sequence
    uint32_t max_blocks = 0;      // block table columns; 0: what max_context needs
};

struct PlanRequest {
    std::shared_ptr<const ResolvedGraph> graph;  // may be NULL where abi is given
    const afs_graph* abi = nullptr;              // NULL: graph's own; else outlives the plan
    std::vector<Backend> backends;               // the config's kernels, in order
    std::vector<Backend> pinned;                 // opened only because a pin names them
    std::vector<Backend> fallback;               // the config's fallback, in order
    std::vector<Pin> pins;
    PlanLimits limits;
    bool deterministic = false;
    uint32_t allow_copies = 0;       // copies between memories inside decode
    uint32_t block_size = 0;         // of the KV cache; 0: a backend's wish, else 16
    bool unused_is_warning = false;  // "named but unused"
};

Result<std::shared_ptr<const Plan>> make_plan(const PlanRequest& request);

// What is wrong with a layout that a backend wishes for; empty: nothing. The engine allocates and
// copies whole blocks, so it must keep to them and may not let two elements share a place.
std::string layout_fault(const afs_kv_layout& layout, const afs_kv_group& group);

// Whether a tag matches a pattern in which '*' stands for any text without a dot.
bool tag_matches(const std::string& pattern, const std::string& tag);

}  // namespace afs
