#include "engine/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace afs {

void Sampler::penalise(float* logits, int32_t n_vocab, const std::vector<int32_t>& history,
                       float penalty) {
    if (++call_ == 0) {  // wrapped: old marks could be taken for new ones
        std::fill(seen_.begin(), seen_.end(), 0u);
        call_ = 1;
    }
    if (seen_.size() < static_cast<size_t>(n_vocab)) seen_.resize(static_cast<size_t>(n_vocab), 0);
    for (const int32_t id : history) {
        if (id < 0 || id >= n_vocab) continue;
        uint32_t& seen = seen_[static_cast<size_t>(id)];
        if (seen == call_) continue;
        seen = call_;
        logits[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
    }
}

LogProbs::LogProbs(const float* logits, int32_t n_vocab) : logits_(logits), n_vocab_(n_vocab) {
    double max = -std::numeric_limits<double>::infinity();
    for (int32_t i = 0; i < n_vocab; ++i)
        max = std::max(max, static_cast<double>(logits[i]));  // a NaN never wins
    double sum = 0;
    for (int32_t i = 0; i < n_vocab; ++i) sum += std::exp(static_cast<double>(logits[i]) - max);
    log_sum_ = max + std::log(sum);
}

float LogProbs::of(int32_t id) const {
    return static_cast<float>(static_cast<double>(logits_[id]) - log_sum_);
}

std::vector<std::pair<int32_t, float>> LogProbs::top(int32_t n) const {
    std::vector<int32_t> ids(static_cast<size_t>(n_vocab_));
    std::iota(ids.begin(), ids.end(), 0);
    const auto end = ids.begin() + std::clamp(n, 0, n_vocab_);
    // NaNs sort last: a comparison that lets them be equal to all would be no order.
    const auto key = [this](int32_t id) {
        return std::isnan(logits_[id]) ? -std::numeric_limits<float>::infinity() : logits_[id];
    };
    std::partial_sort(ids.begin(), end, ids.end(), [&](int32_t a, int32_t b) {
        return key(a) != key(b) ? key(a) > key(b) : a < b;
    });
    std::vector<std::pair<int32_t, float>> likeliest;
    for (auto it = ids.begin(); it != end; ++it) likeliest.emplace_back(*it, of(*it));
    return likeliest;
}

}  // namespace afs
