// Sampling on the host, for rows that the device does not sample, and log-probabilities. The draw
// itself is afs/sample.hpp: the same bits and seed give the same token as on a device.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "afs/sample.hpp"

namespace afs {

class Sampler {
public:
    // HF's repetition penalty: each id that occurs in history has its logit divided by the penalty
    // if positive, else multiplied by it; once, however often it occurs.
    void penalise(float* logits, int32_t n_vocab, const std::vector<int32_t>& history,
                  float penalty);

    int32_t draw(const float* logits, const afs_row& row) {
        return sample_row(logits, row, scratch_);
    }

private:
    SampleScratch scratch_;
    std::vector<uint32_t> seen_;  // by id: the call that last met it
    uint32_t call_ = 0;
};

// Natural log-probabilities of a row of logits over its valid ids, summed in fp64.
class LogProbs {
public:
    LogProbs(const float* logits, int32_t n_vocab);
    float of(int32_t id) const;
    // The n likeliest, likeliest first, lower id first on ties.
    std::vector<std::pair<int32_t, float>> top(int32_t n) const;

private:
    const float* logits_;
    int32_t n_vocab_;
    double log_sum_;
};

}  // namespace afs
