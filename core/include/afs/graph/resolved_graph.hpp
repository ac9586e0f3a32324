// The host's own copy of a model's graph, every weight with its dtype. Frozen: it outlives the
// model plugin's instance, and its addresses are those that queries, plans and kernels hold.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "afs/graph_builder.hpp"

namespace afs {

constexpr uint32_t kNone = 0xffffffffu;

class ResolvedGraph {
public:
    // Validates, then copies. weight_dtypes: one for each line of graph.weights.
    static Result<std::shared_ptr<const ResolvedGraph>> resolve(
        const afs_graph& graph, const std::vector<int32_t>& weight_dtypes);

    const afs_graph& graph() const { return *graph_; }
    // The value with this tag; kNone: there is none.
    uint32_t find(const std::string& tag) const;
    // The node that writes a value; kNone: a weight.
    uint32_t writer(uint32_t value) const { return writer_[value]; }
    // The nodes that read a value, ascending.
    const std::vector<uint32_t>& readers(uint32_t value) const { return readers_[value]; }
    // The line of graph().weights that fills a value; kNone: not a weight.
    uint32_t weight_line(uint32_t value) const { return weight_line_[value]; }

private:
    ResolvedGraph() : builder_(AFS_DTYPE_NONE) {}

    GraphBuilder builder_;
    const afs_graph* graph_ = nullptr;
    std::unordered_map<std::string, uint32_t> by_tag_;
    std::vector<uint32_t> writer_, weight_line_;
    std::vector<std::vector<uint32_t>> readers_;
};

}  // namespace afs
