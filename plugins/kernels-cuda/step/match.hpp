// Finds what can be fused in a region of a graph, by its shape alone: no model's name, no tag.
#pragma once
#include <map>
#include <set>

#include "step/stage.hpp"

namespace afs::cuda {

// One fused stage: the nodes it stands for, and where it runs: in the place of the last of them.
struct Fused {
    std::set<uint32_t> nodes;
    uint32_t place = 0;
    bool is_attention = false, is_streamed = false;  // else a product of many vectors
    bool is_heads = false;  // product and attention with its outputs, of one vector
    ProductNodes product;
    AttentionNodes attention;
    std::vector<ProductNodes> chain;  // several products instead, one after the other
};

// query: the class's, with the layouts; sizes: the bucket's. No node is in two of them, and each is
// such that running it in its place changes nothing for the nodes that are left.
std::vector<Fused> find_fused(const afs_query& query, const afs_region& region,
                              const afs_step& sizes);

}  // namespace afs::cuda
