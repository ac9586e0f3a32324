// A graph of weights alone, for tests of what fills them.
#pragma once
#include <deque>
#include <string>
#include <vector>

#include "afs/abi/graph.h"
#include "afs/kernels.hpp"

namespace afs::test {

class ToyGraph {
public:
    afs_weight& add(const char* tag, std::vector<int64_t> dims, const char* names,
                    const char* duplicates = nullptr) {
        auto value = make<afs_value>();
        value.kind = AFS_VALUE_WEIGHT;
        value.rank = static_cast<int32_t>(dims.size());
        for (int64_t& n : value.dims) n = 1;
        for (size_t i = 0; i < dims.size() && i < AFS_MAX_RANK; ++i) value.dims[i] = dims[i];
        value.tag = tag;
        values_.push_back(value);
        auto weight = make<afs_weight>();
        weight.value = static_cast<uint32_t>(values_.size() - 1);
        weight.names = names;
        weight.duplicates = duplicates;
        weights_.push_back(weight);
        return weights_.back();
    }
    afs_value& value(size_t i) { return values_[i]; }
    afs_weight& weight(size_t i) { return weights_[i]; }

    // Valid until the next change of this object.
    const afs_graph& graph(const char* ignored = nullptr) {
        value_list_.clear();
        weight_list_.clear();
        for (const afs_value& value : values_) value_list_.push_back(&value);
        for (const afs_weight& weight : weights_) weight_list_.push_back(&weight);
        graph_ = make<afs_graph>();
        graph_.n_values = static_cast<uint32_t>(values_.size());
        graph_.n_weights = static_cast<uint32_t>(weights_.size());
        graph_.values = value_list_.data();
        graph_.weights = weight_list_.data();
        graph_.ignored_tensors = ignored;
        return graph_;
    }

private:
    std::deque<afs_value> values_;
    std::deque<afs_weight> weights_;
    std::vector<const afs_value*> value_list_;
    std::vector<const afs_weight*> weight_list_;
    afs_graph graph_{};
};

}  // namespace afs::test
