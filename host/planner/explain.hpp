// What a plan says of itself: one model, which the explain command prints or writes as JSON.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "planner/plan.hpp"

namespace afs {

// Consecutive layers with the same placement are one row: "L0..L15.attn.q".
struct ExplainRow {
    std::string tags, op, backend, why;  // backend: "host" where the host samples
    uint32_t n_nodes = 0;
};

struct ExplainClass {
    std::string name;
    afs_limits limits{};
    bool like_general = false;  // the same placement as class general
    std::vector<ExplainRow> rows;
    std::vector<std::pair<std::string, uint32_t>> counts;  // nodes of each backend
    std::vector<std::string> copies;                       // "L0.attn.ctx: cuda/1 -> cpu/1"
    uint32_t n_launches = 0;                               // ops, programs and copies of a step
    bool host_samples = false;
};

// What a backend says of itself: the machine it runs on, what it chose there.
struct ExplainBackend {
    std::string name, about;
};

// Why a backend took no node of an op.
struct ExplainRefusal {
    std::string backend, op, reason;
    uint32_t n_nodes = 0;
};

struct ExplainWeights {
    std::string backend;
    uint32_t n_as_is = 0, n_packed = 0;
    uint64_t bytes_as_is = 0, bytes_packed = 0;  // as is: of plain element types
    std::string dtypes;                          // "57 q8_0, 17 bf16"
};

struct ExplainKv {
    std::string layout;  // "bf16, 16 slots a block, 8 heads x 128, k strides .."
    std::string note;    // whose wish, and why others lost
    uint32_t n_layers = 0;
    uint64_t bytes_per_token = 0;  // all layers, both sides
};

struct Explanation {
    std::string id;
    bool deterministic = false;
    std::vector<ExplainBackend> backends;  // those that say something
    std::vector<ExplainClass> classes;
    std::vector<ExplainRefusal> refusals;  // over all classes, each reason once
    std::vector<ExplainKv> kv;
    std::vector<ExplainWeights> weights;
    std::vector<std::string> warnings;
};

Explanation explain(const Plan& plan);

// The same as text, lines of at most 100 columns.
std::string explain_text(const Plan& plan);

// One node: placement, reasons, inputs and weights in every class. tag may be a pattern (then at
// most 20 nodes); NOT_FOUND says what tags there are.
Result<std::string> explain_node(const Plan& plan, const std::string& tag);

}  // namespace afs
