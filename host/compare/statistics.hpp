// Estimates that a few wild samples do not move: medians of averages and of differences, with the
// confidence intervals of the rank tests that belong to them.
#pragma once
#include <vector>

namespace afs {

struct Interval {
    double estimate = 0, low = 0, high = 0;
};

// Paired differences: the Hodges-Lehmann estimate (median of all pairwise averages) and its 95 %
// interval from the signed-rank distribution. Fewer than 6 samples give their whole range.
Interval paired(const std::vector<double>& differences);

// b - a of samples that are not paired: the median of all differences, 95 % by rank sums.
Interval unpaired(const std::vector<double>& a, const std::vector<double>& b);

double median(std::vector<double> values);  // 0 without values

}  // namespace afs
