#include "engine/memory_needs.hpp"

#include <algorithm>
#include <set>

#include "engine/limits.hpp"

namespace afs {
namespace {

constexpr uint64_t kLeastMargin = 64u << 20, kMostMargin = 1u << 30;

uint64_t weight_bytes(const Plan& plan, const WeightSet& weights, uint32_t memory,
                      const Domain& domain) {
    uint64_t bytes = 0;
    std::set<uint32_t> raw;
    for (const WeightUse& use : plan.weights) {
        if (use.memory != memory) continue;
        bytes += use.packing.bytes;
        if (use.needs_raw && !domain.host_reads()) raw.insert(use.value);
    }
    for (const uint32_t value : raw)
        if (const Weight* weight = weights.of_value(value)) bytes += weight->bytes;
    return bytes;
}

uint64_t activation_bytes(const Plan& plan, const StepSizes& sizes, uint32_t memory) {
    uint64_t arena = 0, workspace = 0;
    for (size_t c = 0; c < plan.classes.size(); ++c) {
        const ActivationPlan activations(*plan.abi, plan, plan.classes[c], sizes.limits[c], kNone);
        arena = std::max(arena, activations.bytes(memory));
        for (const Unit& unit : plan.classes[c].units) {
            if (unit_memory(plan, unit) != memory) continue;
            if (unit.kind == UnitKind::op)
                workspace = std::max<uint64_t>(workspace, unit.verdict.workspace_bytes);
            // Known once it is compiled; no more than what its values take apart.
            if (unit.kind == UnitKind::program)
                workspace = std::max(workspace, plain_activation_bytes(*plan.abi, sizes.limits[c]));
        }
    }
    return arena + workspace;
}

}  // namespace

std::string mib(uint64_t bytes) {
    return std::to_string((bytes + (1u << 20) - 1) >> 20) + " MiB";
}

std::string MemoryNeeds::text() const {
    return "weights " + mib(weights) + ", activations " + mib(activations) + " and a margin of " +
           mib(margin);
}

std::string MemoryNeeds::remedy(uint64_t cache) const {
    if (weights + margin > available)
        return "take a smaller or quantised model, or free memory that other programs hold";
    return activations > cache ? "lower engine.prefill_chunk" : "lower engine.max_context";
}

std::vector<MemoryNeeds> memory_needs(const Plan& plan, const WeightSet& weights,
                                      const StepSizes& sizes,
                                      const std::vector<std::unique_ptr<Domain>>& domains) {
    std::vector<MemoryNeeds> all;
    for (uint32_t m = 0; m < domains.size(); ++m) {
        afs_device_info info = make<afs_device_info>();
        if (!domains[m]->device().info(info).ok() || info.available == 0) continue;
        MemoryNeeds needs;
        needs.name = domains[m]->name();
        needs.available = info.available;
        needs.weights = weight_bytes(plan, weights, m, *domains[m]);
        needs.activations = activation_bytes(plan, sizes, m);
        needs.margin = std::clamp(info.available / 16, kLeastMargin, kMostMargin);
        all.push_back(std::move(needs));
    }
    return all;
}

}  // namespace afs
