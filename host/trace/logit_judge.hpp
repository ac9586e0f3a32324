// Judges a whole step by its logits: how far they are from those in fp64, measured against what the
// reference loses in the same dtype.
#pragma once
#include <string>
#include <vector>

#include "trace/error_ratio.hpp"

namespace afs {

struct LogitVerdict {
    ErrorRatio error;                      // max and RMS, theirs: the reference's own
    double p999 = 0, their_p999 = 0;       // 99.9th percentile of |error|
    double kl = 0, their_kl = 0;           // mean over tokens, nats
    uint32_t n_tokens = 0, n_decided = 0;  // decided: the margin exceeds what errors may be
    uint32_t n_wrong = 0;                  // other top-1 although decided
    int32_t first_divergent = -1;          // first token with another top-1 than fp64's
    double margin = 0;                     // fp64's, between its two best, there
    bool ok = true;
    std::string why;  // which limit was left; empty: none
};

// All [n, n_vocab]; only the first n_valid columns count. reference: the same dtype's.
// sums_in_dtype: accumulators are no wider than the activations (fp32): the limits are kOrderOfSums
// times as wide.
LogitVerdict judge_logits(const std::vector<float>& logits, const std::vector<float>& exact,
                          const std::vector<float>& reference, size_t n_vocab, size_t n_valid,
                          bool sums_in_dtype = false);

}  // namespace afs
