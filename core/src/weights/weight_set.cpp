#include "afs/weights/weight_set.hpp"

namespace afs {

afs_tensor Weight::tensor() const {
    afs_tensor view{};
    view.data = const_cast<void*>(data);  // the contract's view; inputs are never written
    view.dtype = dtype;
    view.rank = rank;
    int64_t stride = 1;
    for (int i = AFS_MAX_RANK - 1; i >= 0; --i) {
        view.dims[i] = dims[i];
        view.strides[i] = i < rank ? stride : 1;
        if (i < rank) stride *= dims[i];
    }
    return view;
}

const Weight* WeightSet::of_value(uint32_t value) const {
    for (const Weight& weight : weights_)
        if (weight.value == value) return &weight;
    return nullptr;
}

void WeightSet::add(Weight weight) {
    bool seen = false;
    for (const Weight& other : weights_) seen = seen || (other.data == weight.data && weight.data);
    if (!seen) bytes_ += weight.bytes;
    weights_.push_back(std::move(weight));
}

bool matches_pattern(const std::string& pattern, const std::string& text) {
    // Greedy with one backtracking point: linear in practice, never exponential.
    size_t p = 0, t = 0, star = std::string::npos, mark = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p, ++t;
        } else if (star != std::string::npos) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace afs
