// The values of one prompt by tag, over all its tokens.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "engine/engine.hpp"

namespace afs {

struct TracedValue {
    std::vector<int64_t> dims;  // [n_tokens, ..]
    std::vector<float> data;
    int64_t width() const { return dims.size() > 1 ? dims[1] : 1; }
};
using TracedValues = std::map<std::string, TracedValue>;

// Tags of a graph's activations that match a pattern ("L*.attn.q", "*" for the unlayered, "all").
std::vector<std::string> matching_tags(const Plan& plan, const std::string& pattern);

// Runs the ids through in steps of `chunk` tokens (0: as many as possible; 1: decode steps) and
// keeps the watched values, logits of every token included where "logits" is among them. A value
// that a whole-step program never forms is left out. logits: NULL, or receives [n, vocabulary].
Result<TracedValues> trace_values(Engine& engine, const std::vector<std::string>& tags,
                                  const std::vector<int32_t>& ids, uint32_t chunk,
                                  std::vector<float>* logits = nullptr);

}  // namespace afs
