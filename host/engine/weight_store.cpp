#include "engine/weight_store.hpp"

#include <algorithm>
#include <chrono>

#include "afs/numeric.hpp"
#include "engine/memory_needs.hpp"
#include "engine/upload.hpp"

namespace afs {
namespace {

// Of packings in host memory: smaller ones lie side by side, since alone they would not fill the
// large pages that make reading them fast.
constexpr uint64_t kSmall = uint64_t{8} << 20, kMostShared = uint64_t{64} << 20;

uint64_t aligned(uint64_t bytes) {
    return (bytes + 255) / 256 * 256;
}

}  // namespace

// The memory that is being filled.
struct WeightStore::Loading {
    Domain* domain = nullptr;
    uint64_t small_bytes = 0;  // of small packings that have no place yet
    char* shared = nullptr;    // what is left of the last place that small ones share
    uint64_t shared_left = 0;
    Buffer scratch;                  // dies after the upload that writes to it
    std::unique_ptr<Upload> upload;  // absent: the memory reads the host's

    Status finish() { return upload ? upload->finish() : Status(); }
    Status go_to(Domain& next) {
        if (domain == &next) return {};
        AFS_TRY(finish());
        upload.reset();
        scratch = Buffer();
        shared_left = 0;
        domain = &next;
        if (next.host_reads()) return {};
        AFS_ASSIGN(upload, Upload::create(next));
        return {};
    }
};

// Its raw tensor in the memory: where it lies in the file, or in a copy.
Result<WeightStore::Raw> WeightStore::materialise(const Weight& weight, const afs_weight& line,
                                                  const afs_value& value, bool keep,
                                                  Loading& loading) {
    Domain& domain = *loading.domain;
    Raw raw;
    raw.tensor = weight.tensor();
    const WeightBytes bytes(weight, line);
    // The scales of a block are fp16.
    const uint64_t alignment = block_format(weight.dtype) ? 2 : dtype_size(weight.dtype);
    const bool aligned = reinterpret_cast<uintptr_t>(weight.data) % alignment == 0;
    if (domain.host_reads() && aligned && bytes.as_they_lie()) return raw;
    // What is only packed may be overwritten by the next one: the stream keeps them in order.
    const bool shared = !keep && !domain.host_reads();
    Buffer& copy = shared ? loading.scratch : raw.copy;
    if (copy.bytes() < weight.bytes) {
        if (shared) AFS_TRY(loading.upload->finish());
        copy = Buffer();
        auto made = Buffer::create(domain.shared_device(), AFS_MEM_DEVICE, weight.bytes);
        if (!made.ok())
            return made.status().context("cannot load weight '" + std::string(value.tag) + "' of " +
                                         mib(weight.bytes) + " to " + domain.name());
        copy = std::move(*made);
    }
    if (domain.host_reads()) {
        bytes.read(copy.data(), 0, bytes.size());
    } else if (const Status s = loading.upload->add(copy.data(), bytes); !s.ok()) {
        static_cast<void>(loading.upload->finish().ok());  // the copy is freed with the return
        return s;
    }
    raw.tensor.data = copy.data();
    loaded_bytes_ += weight.bytes;
    return raw;
}

// Where a packing goes. buffers_ owns it.
Result<char*> WeightStore::room_for(uint64_t bytes, Loading& loading) {
    const bool small = loading.domain->host_reads() && bytes < kSmall;
    if (small && loading.shared_left >= aligned(bytes)) {
        char* const at = loading.shared;
        loading.shared += aligned(bytes);
        loading.shared_left -= aligned(bytes);
        return at;
    }
    const uint64_t together = std::min(kMostShared, loading.small_bytes);
    const uint64_t size = small ? std::max(together, aligned(bytes)) : bytes;
    AFS_ASSIGN(Buffer buffer,
               Buffer::create(loading.domain->shared_device(), AFS_MEM_DEVICE, size));
    char* const at = buffer.data();
    buffers_.push_back(std::move(buffer));
    if (!small) return at;
    loading.small_bytes -= std::min(size, loading.small_bytes);
    loading.shared = at + aligned(bytes);
    loading.shared_left = size - aligned(bytes);
    return at;
}

Status WeightStore::add(const afs_graph& graph, const Plan& plan, const WeightUse& use,
                        const Raw& raw, Loading& loading) {
    afs_tensor& view = views_[{use.backend, use.value}];
    view = raw.tensor;
    if (use.packing.bytes == 0) return {};
    const Backend& backend = plan.backends[use.backend];
    const std::string subject = "cannot pack weight '" + std::string(graph.values[use.value]->tag) +
                                "' for '" + backend.name + "'";
    WeightPacker* packer = backend.api->weights();
    if (!packer) return Status(Code::internal, subject + ": it provides no afs.weights/1");
    Domain& domain = *loading.domain;
    const auto packed = room_for(use.packing.bytes, loading);
    if (!packed.ok()) return packed.status().context(subject);
    const auto pack = [=, &plan, &use, &domain, to = *packed, from = raw.tensor]() {
        return packer
            ->pack(plan.query(AFS_CLASS_GENERAL, 0), use.value, use.packing, from, to,
                   domain.stream())
            .context(subject);
    };
    if (loading.upload)
        AFS_TRY(loading.upload->then(pack));
    else
        AFS_TRY(pack());
    view.data = *packed;
    view.format = use.packing.format;
    packed_bytes_ += use.packing.bytes;
    if (raw.tensor.data && !loading.upload) loaded_bytes_ += use.packing.bytes;
    if (plan.memories[use.memory].owner == kHostOwned) cache_.add(use, *packed);
    return loading.upload ? Status() : domain.sync();
}

// The view of a weight whose packing is mapped, if it is.
bool WeightStore::take_cached(const Plan& plan, const WeightUse& use, const Weight& weight) {
    if (use.packing.bytes == 0 || plan.memories[use.memory].owner != kHostOwned) return false;
    const void* packed = cache_.find(use);
    if (!packed) return false;
    afs_tensor& view = views_[{use.backend, use.value}];
    view = weight.tensor();
    view.data = const_cast<void*>(packed);  // the contract's view; inputs are never written
    view.format = use.packing.format;
    packed_bytes_ += use.packing.bytes;
    return true;
}

Status WeightStore::load(const afs_graph& graph, const Plan& plan,
                         const std::vector<std::unique_ptr<Domain>>& domains) {
    std::vector<const afs_weight*> line_of(graph.n_values, nullptr);
    for (uint32_t i = 0; i < graph.n_weights; ++i)
        line_of[graph.weights[i]->value] = graph.weights[i];
    // By (memory, value), so that a raw tensor is read once and only one copy waits to be packed.
    std::vector<const WeightUse*> uses;
    for (const WeightUse& use : plan.weights) uses.push_back(&use);
    const auto place = [](const WeightUse* use) { return std::pair(use->memory, use->value); };
    std::stable_sort(uses.begin(), uses.end(),
                     [&](const WeightUse* a, const WeightUse* b) { return place(a) < place(b); });
    Loading loading;
    for (const WeightUse* use : uses)
        if (use->packing.bytes < kSmall && domains[use->memory]->host_reads() && !cache_.find(*use))
            loading.small_bytes += aligned(use->packing.bytes);
    for (size_t i = 0; i < uses.size();) {
        const auto [memory, value] = place(uses[i]);
        const Weight* weight = weights_.of_value(value);
        if (!weight)
            return invalid("cannot load weight '" + std::string(graph.values[value]->tag) +
                           "': the weights given have none for it");
        if (take_cached(plan, *uses[i], *weight)) {
            ++i;
            continue;
        }
        AFS_TRY(loading.go_to(*domains[memory]));
        size_t end = i;
        bool keep = false;
        for (; end < uses.size() && place(uses[end]) == std::pair(memory, value); ++end)
            keep = keep || uses[end]->needs_raw;
        AFS_ASSIGN(Raw raw,
                   materialise(*weight, *line_of[value], *graph.values[value], keep, loading));
        if (keep && raw.copy.data()) buffers_.push_back(std::move(raw.copy));
        for (; i < end; ++i) AFS_TRY(add(graph, plan, *uses[i], raw, loading));
    }
    return loading.finish();
}

Result<WeightStore> WeightStore::create(const afs_graph& graph, const Plan& plan,
                                        const WeightSet& weights,
                                        const std::vector<std::unique_ptr<Domain>>& domains,
                                        const std::filesystem::path& packed_cache) {
    const auto start = std::chrono::steady_clock::now();
    WeightStore store;
    store.weights_ = weights;
    store.cache_ = PackedCache::open(packed_cache, graph, plan, weights);
    AFS_TRY(store.load(graph, plan, domains));
    store.cache_.write();
    store.load_seconds_ =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return store;
}

const afs_tensor* WeightStore::find(uint32_t backend, uint32_t value) const {
    const auto it = views_.find({backend, value});
    return it == views_.end() ? nullptr : &it->second;
}

}  // namespace afs
