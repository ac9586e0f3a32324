// The weights of one graph, ready to be packed: which bytes each weight value has. Filled from a
// checkpoint (match_weights) or with random numbers (random_weights); readers need not care which.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "afs/abi/graph.h"
#include "afs/status.hpp"
#include "afs/weights/checkpoint.hpp"

namespace afs {

struct Weight {
    uint32_t value = 0;  // the graph's
    const void* data = nullptr;
    int32_t dtype = AFS_DTYPE_NONE;  // the tensor's own
    int32_t rank = 0;
    int64_t dims[AFS_MAX_RANK] = {1, 1, 1, 1};
    uint64_t bytes = 0;
    std::string name;  // tensor name in the file; random: the value's tag
    std::string file;  // empty: random
    // Row-major view of the raw bytes, as afs.weights/1 takes it.
    afs_tensor tensor() const;
};

class WeightSet {
public:
    const std::vector<Weight>& weights() const { return weights_; }  // in the weight table's order
    const Weight* of_value(uint32_t value) const;                    // nullptr: no weight
    uint64_t bytes() const { return bytes_; }  // of all weights, a tensor read twice counted once
    void add(Weight weight);
    // Keeps what the weights point into alive as long as this set or a copy of it.
    void keep(std::shared_ptr<const void> owner) { owners_.push_back(std::move(owner)); }

private:
    std::vector<Weight> weights_;
    std::vector<std::shared_ptr<const void>> owners_;
    uint64_t bytes_ = 0;
};

// Finds each line of the graph's weight table in the checkpoint: the first of its names that the
// file has, its shape checked against the value's. Duplicates must hold the same bytes. Tensors
// that no line names and that match none of ignored_tensors are errors, as are missing ones.
Result<WeightSet> match_weights(const afs_graph& graph, const Checkpoint& checkpoint);

// Reads every value: a NaN or infinity is an error that names tensor and index.
Status check_finite(const WeightSet& weights, uint32_t n_threads = 0);

// Whether text matches a pattern in which `*` stands for any characters, dots included.
bool matches_pattern(const std::string& pattern, const std::string& text);

}  // namespace afs
