// The memory of the KV cache: for each group and layer a K and a V range of n_blocks blocks, in the
// memory of the nodes that read it and in the layout that the plan froze.
#pragma once
#include <vector>

#include "engine/block_pool.hpp"
#include "engine/domain.hpp"

namespace afs {

class KvCache {
public:
    // Bytes of one block over all groups, layers and sides.
    static uint64_t block_bytes(const afs_graph& graph, const Plan& plan);
    // Slots of a block, the same for every group: one block table serves all of them.
    static Result<uint32_t> block_size(const Plan& plan);

    static Result<std::unique_ptr<KvCache>> create(
        const afs_graph& graph, const Plan& plan, uint32_t n_blocks,
        const std::vector<std::unique_ptr<Domain>>& domains);

    const afs_kv* const* views() const { return groups_.data(); }  // [group][layer]
    const afs_kv* view(const afs_value& kv) const {
        return &layers_[static_cast<size_t>(kv.kv_group)][static_cast<size_t>(kv.kv_layer)];
    }
    uint64_t bytes() const { return bytes_; }

    // Enqueues the copies, in their order.
    Status copy_blocks(const BlockTable::Copies& copies);

private:
    std::vector<std::vector<afs_kv>> layers_;  // [group][layer]
    std::vector<const afs_kv*> groups_;
    std::vector<Domain*> domain_of_group_;
    std::vector<Buffer> buffers_;
    uint64_t bytes_ = 0;
};

}  // namespace afs
