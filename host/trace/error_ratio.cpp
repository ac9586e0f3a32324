#include "trace/error_ratio.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace afs {
namespace {

constexpr double kMostDeviation = 1;  // of the logarithm of a ratio of sums

struct Errors {
    double max = 0, sum = 0;
    std::vector<double> rows;  // squares
};

Errors errors_of(const std::vector<float>& values, const std::vector<float>& exact, size_t width) {
    Errors errors;
    errors.rows.resize((exact.size() + width - 1) / width);
    for (size_t i = 0; i < exact.size(); ++i) {
        if (std::isnan(values[i]) && std::isnan(exact[i])) continue;
        if (values[i] == exact[i]) continue;  // infinities too
        double e = std::abs(static_cast<double>(values[i]) - exact[i]);
        if (!std::isfinite(e)) e = std::numeric_limits<double>::infinity();
        errors.max = std::max(errors.max, e);
        errors.rows[i / width] += e * e;
        errors.sum += e * e;
    }
    return errors;
}

}  // namespace

double chance(const std::vector<double>& a, const std::vector<double>& b) {
    const double sum_a = std::accumulate(a.begin(), a.end(), 0.0),
                 sum_b = std::accumulate(b.begin(), b.end(), 0.0);
    if (!(sum_a > 0 && sum_b > 0) || std::isinf(sum_a)) return 1;
    double variance = 0;
    for (size_t r = 0; r < a.size(); ++r) {
        const double d = a[r] / sum_a - b[r] / sum_b;
        variance += d * d;
    }
    return std::exp(2 * std::min(kMostDeviation, std::sqrt(variance)));
}

ErrorRatio error_ratio(const std::vector<float>& values, const std::vector<float>& exact,
                       const std::vector<float>* theirs, size_t width) {
    ErrorRatio ratio;
    if (exact.empty() || width == 0) return ratio;
    const auto n = static_cast<double>(exact.size());
    const Errors ours = errors_of(values, exact, width);
    ratio.max = ours.max;
    ratio.rms = std::sqrt(ours.sum / n);
    if (!theirs) return ratio;
    const Errors other = errors_of(*theirs, exact, width);
    ratio.their_max = other.max;
    ratio.their_rms = std::sqrt(other.sum / n);
    ratio.slack = std::sqrt(chance(ours.rows, other.rows));
    return ratio;
}

}  // namespace afs
