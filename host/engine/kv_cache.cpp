#include "engine/kv_cache.hpp"

#include <cstdlib>

#include "afs/graph/resolved_graph.hpp"
#include "afs/numeric.hpp"
#include "engine/activations.hpp"

namespace afs {
namespace {

// From one block to the next of the same layer and side, in bytes.
uint64_t block_stride(const afs_kv_layout& layout, bool key) {
    const int64_t stride = key ? layout.k_stride[0] : layout.v_stride[0];
    return static_cast<uint64_t>(stride) * dtype_size(layout.dtype);
}
uint64_t block_payload(const afs_kv_layout& layout) {
    return static_cast<uint64_t>(layout.block_elems) * dtype_size(layout.dtype);
}

// The one memory whose nodes touch the group's cache.
Result<uint32_t> memory_of_group(const afs_graph& graph, const Plan& plan, uint32_t group) {
    uint32_t found = kNone;
    for (const ClassPlan& c : plan.classes)
        for (uint32_t n = 0; n < graph.n_nodes; ++n) {
            const afs_value& out = *graph.values[graph.nodes[n]->output];
            if (out.kind != AFS_VALUE_KV || out.kv_group != static_cast<int32_t>(group)) continue;
            if (c.placements[n].backend == kHostOwned)
                return Status(Code::internal, "node '" + std::string(out.tag) + "' has no backend");
            const uint32_t memory = plan.memory_of_backend[c.placements[n].backend];
            if (found != kNone && found != memory)
                return unsupported("kv group " + std::to_string(group) +
                                   " is written in two memories; the plan must keep it in one");
            found = memory;
        }
    return found == kNone ? 0 : found;
}

}  // namespace

uint64_t KvCache::block_bytes(const afs_graph& graph, const Plan& plan) {
    uint64_t bytes = 0;
    for (uint32_t g = 0; g < graph.n_kv_groups; ++g)
        bytes += graph.kv_groups[g]->n_layers *
                 (block_stride(plan.kv_layouts[g], true) + block_stride(plan.kv_layouts[g], false));
    return bytes;
}

Result<uint32_t> KvCache::block_size(const Plan& plan) {
    uint32_t size = 0;
    for (const afs_kv_layout& layout : plan.kv_layouts) {
        if (layout.block_size == 0 || dtype_size(layout.dtype) == 0 || layout.block_elems <= 0 ||
            layout.k_stride[0] < layout.block_elems || layout.v_stride[0] < layout.block_elems)
            return Status(Code::internal,
                          "kv layout is broken: expected a block size, a plain dtype and a block "
                          "stride of at least block_elems");
        if (size != 0 && layout.block_size != size)
            return unsupported("kv groups have block sizes " + std::to_string(size) + " and " +
                               std::to_string(layout.block_size) + ", expected one for all");
        size = layout.block_size;
    }
    return size == 0 ? 16 : size;  // a graph without attention: positions still need slots
}

Result<std::unique_ptr<KvCache>> KvCache::create(
    const afs_graph& graph, const Plan& plan, uint32_t n_blocks,
    const std::vector<std::unique_ptr<Domain>>& domains) {
    auto cache = std::make_unique<KvCache>();
    for (uint32_t g = 0; g < graph.n_kv_groups; ++g) {
        AFS_ASSIGN(const uint32_t memory, memory_of_group(graph, plan, g));
        Domain& domain = *domains[memory];
        const afs_kv_layout* layout = plan.kv_layout_pointers[g];
        std::vector<afs_kv> layers;
        for (uint32_t layer = 0; layer < graph.kv_groups[g]->n_layers; ++layer) {
            afs_kv kv{};
            kv.layout = layout;
            for (const bool key : {true, false}) {
                const uint64_t bytes = n_blocks * block_stride(*layout, key);
                AFS_ASSIGN(Buffer buffer,
                           Buffer::create(domain.shared_device(), AFS_MEM_DEVICE, bytes));
                // Scratch is read by nobody who counts, but NaNs there would confuse debugging.
                AFS_TRY(domain.device().fill(domain.stream(), buffer.data(), 0,
                                             block_payload(*layout)));
                (key ? kv.k : kv.v) = buffer.data();
                cache->bytes_ += bytes;
                cache->buffers_.push_back(std::move(buffer));
            }
            layers.push_back(kv);
        }
        cache->layers_.push_back(std::move(layers));
        cache->domain_of_group_.push_back(&domain);
    }
    for (const auto& layers : cache->layers_) cache->groups_.push_back(layers.data());
    return cache;
}

Status KvCache::copy_blocks(const BlockTable::Copies& copies) {
    for (size_t g = 0; g < layers_.size(); ++g) {
        Domain& domain = *domain_of_group_[g];
        for (const afs_kv& kv : layers_[g])
            for (const auto& [from, to] : copies)
                for (const bool key : {true, false}) {
                    char* base = static_cast<char*>(key ? kv.k : kv.v);
                    const uint64_t stride = block_stride(*kv.layout, key);
                    AFS_TRY(domain.device().copy(domain.stream(), AFS_COPY_D2D, base + to * stride,
                                                 base + from * stride, block_payload(*kv.layout)));
                }
    }
    return {};
}

}  // namespace afs
