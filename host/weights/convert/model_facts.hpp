// What both forms of a checkpoint state of a model, read from its graph: no family is known here.
#pragma once
#include <string>
#include <vector>

#include "afs/abi/model.h"
#include "afs/status.hpp"

namespace afs::convert {

struct ModelFacts {
    int64_t hidden = 0, ffn = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0, vocab = 0;
    int64_t context = 0;
    float eps = 0;
    afs_rope_params rope{};
    bool tied = false;  // the head reads the embedding
};

// UNSUPPORTED where the graph is no plain decoder: both forms have keys for those alone.
Result<ModelFacts> read_facts(const afs_graph& graph, const afs_model_info& info);

// What differs between two graphs of one model, weights' files and names aside; "": nothing.
std::string graph_difference(const afs_graph& a, const afs_graph& b);

// What rotary frequencies are divided by, a number a pair; empty: nothing.
std::vector<float> rope_divisors(const afs_rope_params& rope);

}  // namespace afs::convert
