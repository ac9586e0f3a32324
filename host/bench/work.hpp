// What a step costs by the graph alone: bytes that it must read, operations that it must do.
#pragma once
#include <cstdint>

#include "planner/plan.hpp"

namespace afs {

class WeightSet;

// Bytes of weights that one decode step reads: all that nodes read but embedding tables, of which
// a step reads a row. A tied table that a linear/1 reads counts.
uint64_t weight_bytes_per_step(const Plan& plan, const WeightSet& weights);
// Bytes of KV cache that attention reads for one token at a context of n tokens.
uint64_t kv_bytes_at(const Plan& plan, uint64_t n_tokens);
// Operations of a prompt of n tokens of which the last one's logits are wanted: 2 a weight and row
// in products, 2 * heads * head_dim * n^2 a layer in causal attention.
double prompt_flops(const Plan& plan, uint64_t n_tokens);

}  // namespace afs
