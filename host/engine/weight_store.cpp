#include "engine/weight_store.hpp"

#include <algorithm>

#include "afs/numeric.hpp"
#include "engine/weight_bytes.hpp"

namespace afs {
namespace {

std::string mib(uint64_t bytes) {
    return std::to_string((bytes + (1u << 20) - 1) >> 20) + " MiB";
}

// Pinned memory between the file and a memory that cannot read it. The two halves alternate, so
// that reading the file and the copy overlap. One for all weights: pinning memory is slow.
class Staging {
public:
    // Done when it returns, also where it failed.
    Status copy(Domain& domain, char* to, const WeightBytes& from) {
        if (domain_ != &domain) AFS_TRY(open(domain));
        const Status copied = enqueue(domain, to, from);
        const Status done = domain.sync();
        return copied.ok() ? done : copied;
    }

private:
    static constexpr uint64_t kHalf = 8u << 20;

    Status open(Domain& domain) {
        domain_ = &domain;
        for (int i = 0; i < 2; ++i) {
            AFS_ASSIGN(halves_[i], Buffer::create(domain.shared_device(), AFS_MEM_PINNED, kHalf));
            AFS_ASSIGN(done_[i], Event::create(domain.shared_device()));
        }
        return {};
    }

    Status enqueue(Domain& domain, char* to, const WeightBytes& from) {
        for (uint64_t offset = 0; offset < from.size(); offset += kHalf, which_ = 1 - which_) {
            const uint64_t n = std::min(kHalf, from.size() - offset);
            char* pinned = halves_[which_].data();
            AFS_TRY(done_[which_].sync());
            from.read(pinned, offset, n);
            AFS_TRY(domain.device().copy(domain.stream(), AFS_COPY_H2D, to + offset, pinned, n));
            AFS_TRY(done_[which_].record(domain.stream()));
        }
        return {};
    }

    Domain* domain_ = nullptr;
    Buffer halves_[2];
    Event done_[2];
    int which_ = 0;
};

}  // namespace

Result<WeightStore::Raw> WeightStore::materialise(const Weight& weight, const afs_weight& line,
                                                  Domain& domain, const afs_value& value,
                                                  const CopyIn& copy_in) {
    Raw raw;
    raw.tensor = weight.tensor();
    const WeightBytes bytes(weight, line);
    // The scales of a block are fp16.
    const uint64_t alignment = block_format(weight.dtype) ? 2 : dtype_size(weight.dtype);
    const bool aligned = reinterpret_cast<uintptr_t>(weight.data) % alignment == 0;
    if (domain.host_reads() && aligned && bytes.as_they_lie()) return raw;
    auto copy = Buffer::create(domain.shared_device(), AFS_MEM_DEVICE, weight.bytes);
    if (!copy.ok())
        return copy.status().context("cannot load weight '" + std::string(value.tag) + "' of " +
                                     mib(weight.bytes) + " to " + domain.name());
    raw.copy = std::move(*copy);
    if (domain.host_reads())
        bytes.read(raw.copy.data(), 0, bytes.size());
    else
        AFS_TRY(copy_in(domain, raw.copy.data(), bytes));
    raw.tensor.data = raw.copy.data();
    return raw;
}

Status WeightStore::add(const afs_graph& graph, const Plan& plan, const WeightUse& use,
                        const Raw& raw, Domain& domain) {
    afs_tensor& view = views_[{use.backend, use.value}];
    view = raw.tensor;
    if (use.packing.bytes == 0) return {};
    const Backend& backend = plan.backends[use.backend];
    const std::string subject = "cannot pack weight '" + std::string(graph.values[use.value]->tag) +
                                "' for '" + backend.name + "'";
    WeightPacker* packer = backend.api->weights();
    if (!packer) return Status(Code::internal, subject + ": it provides no afs.weights/1");
    auto packed = Buffer::create(domain.shared_device(), AFS_MEM_DEVICE, use.packing.bytes);
    if (!packed.ok()) return packed.status().context(subject);
    if (const Status s = packer->pack(plan.query(AFS_CLASS_GENERAL, 0), use.value, use.packing,
                                      raw.tensor, packed->data(), domain.stream());
        !s.ok())
        return s.context(subject);
    view.data = packed->data();
    view.format = use.packing.format;
    packed_bytes_ += use.packing.bytes;
    buffers_.push_back(std::move(*packed));
    return domain.sync();
}

Result<WeightStore> WeightStore::create(const afs_graph& graph, const Plan& plan,
                                        const WeightSet& weights,
                                        const std::vector<std::unique_ptr<Domain>>& domains) {
    WeightStore store;
    store.weights_ = weights;
    Staging staging;
    const CopyIn copy_in = [&staging](Domain& domain, char* to, const WeightBytes& from) {
        return staging.copy(domain, to, from);
    };
    std::vector<const afs_weight*> line_of(graph.n_values, nullptr);
    for (uint32_t i = 0; i < graph.n_weights; ++i)
        line_of[graph.weights[i]->value] = graph.weights[i];
    // By (memory, value), so that a raw tensor is read once and only one copy waits to be packed.
    std::vector<const WeightUse*> uses;
    for (const WeightUse& use : plan.weights) uses.push_back(&use);
    const auto place = [](const WeightUse* use) { return std::pair(use->memory, use->value); };
    std::stable_sort(uses.begin(), uses.end(),
                     [&](const WeightUse* a, const WeightUse* b) { return place(a) < place(b); });
    for (size_t i = 0; i < uses.size();) {
        const auto [memory, value] = place(uses[i]);
        const Weight* weight = weights.of_value(value);
        if (!weight)
            return invalid("cannot load weight '" + std::string(graph.values[value]->tag) +
                           "': the weights given have none for it");
        Domain& domain = *domains[memory];
        AFS_ASSIGN(Raw raw, store.materialise(*weight, *line_of[value], domain,
                                              *graph.values[value], copy_in));
        bool keep = false;
        for (; i < uses.size() && place(uses[i]) == std::pair(memory, value); ++i) {
            AFS_TRY(store.add(graph, plan, *uses[i], raw, domain));
            keep = keep || uses[i]->needs_raw;
        }
        if (!keep || !raw.copy.data()) continue;
        store.copied_bytes_ += raw.copy.bytes();
        store.buffers_.push_back(std::move(raw.copy));
    }
    return store;
}

const afs_tensor* WeightStore::find(uint32_t backend, uint32_t value) const {
    const auto it = views_.find({backend, value});
    return it == views_.end() ? nullptr : &it->second;
}

}  // namespace afs
