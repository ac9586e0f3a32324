// What the planner's parts share while one plan is made. Internal to host/planner.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "afs/kernels.hpp"
#include "planner/plan.hpp"
#include "planner/planner.hpp"

namespace afs {

constexpr uint32_t kNobody = 0xffffffffu;

enum class Role { named, pinned_only, fallback };

// One node, copied out of the graph so that an older, shorter struct reads as zeros.
struct NodeFacts {
    std::string tag, op;
    std::vector<uint32_t> inputs;
    uint32_t output = 0;
    int32_t kv_group = -1;   // of the cache it writes or reads
    uint32_t pin = kNobody;  // backend that a pin demands
    std::string pinned_by;   // the pattern
    bool is_sample() const { return op == "sample/1"; }
};

struct PlanContext {
    const afs_graph* graph = nullptr;
    const PlanRequest* request = nullptr;
    std::vector<Backend> backends;  // named, pinned only, fallback
    std::vector<Role> roles;        // [backends]
    std::vector<Memory> memories;
    std::vector<uint32_t> memory_of_backend;
    std::vector<NodeFacts> nodes;
    std::vector<afs_value> values;
    std::vector<uint32_t> producer;  // [values]; node, or kNobody

    const std::string& tag_of_value(uint32_t value) const { return value_tags[value]; }
    std::vector<std::string> value_tags;
};

// Copies the graph's facts; INVALID where an index points outside or the order is not topological.
Status read_graph(PlanContext& context);
// Fills NodeFacts::pin.
Status resolve_pins(PlanContext& context);
// One memory for each (domain, ordinal) and who owns it.
Status find_memories(PlanContext& context);

// A class while it is placed: limits, layouts and, for each node, its backend, set and answers.
struct Draft {
    afs_limits limits{};
    std::vector<Placement> placements;  // [nodes]
    std::vector<afs_verdict> verdicts;  // [nodes]; of single ops
    struct Set {
        uint32_t backend = 0, number = 0, kind = 0;  // number, kind: as the backend counts
        std::vector<uint32_t> nodes;
    };
    std::vector<Set> sets;
    std::vector<uint32_t> set_of_node;  // [nodes]; index into sets, or kNobody
};

// Places one class under given layouts ([kv groups]); unplaced nodes keep backend kNobody.
// Errors: a pin that its backend refuses, a claim that breaks the contract.
Result<Draft> place_class(const PlanContext& context, const afs_limits& limits,
                          const std::vector<const afs_kv_layout*>& layouts, bool with_fallback);

// Orders a class into units and inserts copies. Errors: a set that a path leaves and re-enters, a
// cache spread over two memories, too many copies.
Result<ClassPlan> make_units(const PlanContext& context, const Draft& draft, bool counts_copies);

// Where the request left it open: columns of the block table that max_context needs.
void set_max_blocks(afs_limits& limits, const std::vector<afs_kv_layout>& layouts);

struct Negotiated {
    std::vector<afs_kv_layout> layouts;  // [kv groups]
    std::vector<std::string> notes;      // [kv groups]; whose wish won, and why others lost
};
// Chooses one layout a group that every node touching the cache accepts, in every class.
Result<Negotiated> negotiate_kv(const PlanContext& context, const std::vector<afs_limits>& limits);

// Packing of each weight for each backend that reads it.
Status plan_weights(Plan& plan);

// 16 hex digits over all that decides what a step computes.
std::string plan_id(const Plan& plan);

// Texts of the errors that carry every reason.
Status unplaced_error(const PlanContext& context, const Draft& draft);
Status check_unused(const PlanContext& context, Plan& plan);

// "bf16[n_tokens, 2048]"
std::string shape_text(const afs_value& value);
const char* class_name(uint32_t step_class);

}  // namespace afs
