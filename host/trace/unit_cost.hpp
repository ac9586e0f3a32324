// What one unit of a step moves and computes, from the plan alone: the least that any kernel must.
#pragma once
#include <cstdint>
#include <string>

#include "afs/weights/weight_set.hpp"
#include "planner/plan.hpp"

namespace afs {

struct UnitCost {
    uint64_t weight_bytes = 0, kv_bytes = 0, activation_bytes = 0;
    double flops = 0;
    uint64_t bytes() const { return weight_bytes + kv_bytes + activation_bytes; }
};

struct StepShape {
    uint32_t n_tokens = 0, n_rows = 0;
    uint64_t context = 0;  // cached tokens that attention reads, of all sequences
};

// Weights count as their backend keeps them, packed or as in the file; of an embedding table the
// rows that are read. Values inside a program cost nothing.
UnitCost unit_cost(const Plan& plan, const WeightSet& weights, const Unit& unit,
                   const StepShape& step);

// "L12.attn.q" -> "L*.attn.q"
std::string tag_of_all_layers(const std::string& tag);
// "L*.attn.q"; of a program "L*.attn.norm .. logits, 12 nodes"; of a copy "copy of L*.attn.ctx".
std::string unit_tags(const Plan& plan, const Unit& unit);
// "linear/1", "program", "copy"
std::string unit_op(const Plan& plan, const Unit& unit);
// The backend's name; of a copy "gpu/1 -> cpu/1".
std::string unit_place(const Plan& plan, const Unit& unit);

}  // namespace afs
