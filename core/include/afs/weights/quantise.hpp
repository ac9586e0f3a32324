// Weights made smaller while loading: matrices of fp32, bf16 or fp16 become block formats, as a
// GGUF file has them, so that backends, judges and reports see nothing new. Vectors stay as they
// are, and so do matrices whose rows are no whole blocks and those that are in a block format
// already.
#pragma once
#include <cstdint>
#include <string>

#include "afs/weights/weight_set.hpp"

namespace afs {

// int8: q8_0, 32 weights to a scale. int4: q4_1, 32 to a scale and a minimum, and q8_0 for the
// table of embed/1, which as a tied head decides between all tokens.
enum class Quantise { none, int8, int4 };

Quantise parse_quantise(const std::string& text);  // else none

// What a weight value of this dtype and shape becomes.
int32_t quantised_dtype(const afs_graph& graph, uint32_t value, int32_t dtype, Quantise to);

// Each weight in the dtype that quantised_dtype says; those that stay point where they did. An
// error names a tensor that is not finite, or too large for the scales.
Result<WeightSet> quantise(const afs_graph& graph, const WeightSet& weights, Quantise to,
                           uint32_t n_threads = 0);

}  // namespace afs
