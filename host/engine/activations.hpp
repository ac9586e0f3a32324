// Where each activation of a class lies: one arena a memory, ranges reused as soon as no later unit
// reads what is in them. Offsets are made for the largest step, so they hold for every bucket.
#pragma once
#include <vector>

#include "engine/bucket.hpp"
#include "planner/plan.hpp"

namespace afs {

// The value's dims with the symbolic ones replaced, row-major; data NULL.
afs_tensor value_tensor(const afs_value& value, uint32_t n_tokens, uint32_t n_rows);
// Bytes of a plain tensor; 0 for block formats.
uint64_t tensor_bytes(const afs_tensor& tensor);

class ActivationPlan {
public:
    static constexpr uint64_t kAbsent = ~uint64_t{0};

    // sizes: the largest step of this class. apart: a value that has a buffer of its own.
    ActivationPlan(const afs_graph& graph, const Plan& plan, const ClassPlan& class_plan,
                   const afs_limits& sizes, uint32_t apart);

    // Offset into the memory's arena; kAbsent: no unit of this class forms the value there.
    uint64_t offset(uint32_t memory, uint32_t value) const { return offsets_[memory][value]; }
    uint64_t bytes(uint32_t memory) const { return bytes_[memory]; }

private:
    struct Life {
        uint32_t value;
        size_t first, last;  // units
        uint64_t bytes;
    };
    void place(uint32_t memory, const std::vector<Life>& lives);

    std::vector<std::vector<uint64_t>> offsets_;  // [memories][values]
    std::vector<uint64_t> bytes_;                 // [memories]
};

// Values that a unit reads from, and writes to, its memory; weights and KV included.
std::vector<uint32_t> unit_inputs(const afs_graph& graph, const Unit& unit);
std::vector<uint32_t> unit_outputs(const afs_graph& graph, const Unit& unit);
// The memory a unit writes to.
uint32_t unit_memory(const Plan& plan, const Unit& unit);

}  // namespace afs
