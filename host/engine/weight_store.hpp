// The weights as each backend sees them: the mapped file itself where the domain reads host memory,
// else one copy a memory; or the backend's own packing of it.
#pragma once
#include <map>
#include <vector>

#include "afs/weights/weight_set.hpp"
#include "engine/domain.hpp"
#include "engine/packed_cache.hpp"

namespace afs {

class WeightStore {
public:
    // Every weight that some backend of the plan reads. The store keeps what it points into alive.
    // packed_cache: a folder for what was packed in the host's memory; empty: not kept.
    static Result<WeightStore> create(const afs_graph& graph, const Plan& plan,
                                      const WeightSet& weights,
                                      const std::vector<std::unique_ptr<Domain>>& domains,
                                      const std::filesystem::path& packed_cache = {});

    // nullptr: the backend does not read this weight.
    const afs_tensor* find(uint32_t backend, uint32_t value) const;
    uint64_t packed_bytes() const { return packed_bytes_; }
    // Brought to another memory, or packed where they were read in place; and how long that took.
    uint64_t loaded_bytes() const { return loaded_bytes_; }
    double load_seconds() const { return load_seconds_; }

private:
    struct Raw {
        afs_tensor tensor{};
        Buffer copy;  // empty: the tensor lies in the mapped file, or is overwritten once packed
    };
    struct Loading;
    Status load(const afs_graph& graph, const Plan& plan,
                const std::vector<std::unique_ptr<Domain>>& domains);
    Result<Raw> materialise(const Weight& weight, const afs_weight& line, const afs_value& value,
                            bool keep, Loading& loading);
    bool take_cached(const Plan& plan, const WeightUse& use, const Weight& weight);
    Result<char*> room_for(uint64_t bytes, Loading& loading);
    Status add(const afs_graph& graph, const Plan& plan, const WeightUse& use, const Raw& raw,
               Loading& loading);

    std::vector<Buffer> buffers_;
    std::map<std::pair<uint32_t, uint32_t>, afs_tensor> views_;  // (backend, value)
    uint64_t packed_bytes_ = 0, loaded_bytes_ = 0;
    double load_seconds_ = 0;
    WeightSet weights_;
    PackedCache cache_;
};

}  // namespace afs
