// How far values are from the exact ones, measured against somebody else's distance in the same
// dtype: what rounding alone costs there.
#pragma once
#include <cstddef>
#include <vector>

namespace afs {

// How much more than the reference a correct kernel may lose where accumulators are no wider than
// activations (fp32), so that the order of a sum, which no op prescribes, decides: the reference
// sums in 16 lanes, which is sqrt(16) times as exact as one term after the other.
constexpr double kOrderOfSums = 4;

struct ErrorRatio {
    double max = 0, rms = 0;              // |value - exact|
    double their_max = 0, their_rms = 0;  // 0: there is nobody to measure against
    // Errors of one row go together, so few rows say little: the factor by which the ratio of two
    // equally good results may be off by chance (two standard errors), from how much rows differ.
    double slack = 1;
    // Within 2x (max) and 1.25x (RMS) of theirs, `wider` times that where kOrderOfSums says why.
    bool holds(double wider = 1) const {
        return max <= 2 * wider * slack * their_max && rms <= 1.25 * wider * slack * their_rms;
    }
};

// The factor by which the ratio of two sums over the same rows, a and b of equally good results,
// may be off by chance: two standard errors of its logarithm, rows taken as independent; at most
// e^2.
double chance(const std::vector<double>& a, const std::vector<double>& b);

// theirs: NULL or as long as exact. Rows have `width` elements. A NaN that exact lacks is an
// infinite error.
ErrorRatio error_ratio(const std::vector<float>& values, const std::vector<float>& exact,
                       const std::vector<float>* theirs, size_t width);

}  // namespace afs
