#include "compare/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace afs {
namespace {

constexpr double kNormal95 = 1.959964;

// The middle of sorted values, and those `inside` places from either end.
Interval around(std::vector<double>& sorted, double inside) {
    std::sort(sorted.begin(), sorted.end());
    const size_t n = sorted.size();
    const auto skip = std::min(static_cast<size_t>(std::max(0.0, std::floor(inside))), (n - 1) / 2);
    const double middle = n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    return {middle, sorted[skip], sorted[n - 1 - skip]};
}

}  // namespace

Interval paired(const std::vector<double>& differences) {
    if (differences.empty()) return {};
    std::vector<double> averages;
    for (size_t i = 0; i < differences.size(); ++i)
        for (size_t j = i; j < differences.size(); ++j)
            averages.push_back((differences[i] + differences[j]) / 2);
    const auto n = static_cast<double>(differences.size());
    return around(averages,
                  n * (n + 1) / 4 - kNormal95 * std::sqrt(n * (n + 1) * (2 * n + 1) / 24));
}

Interval unpaired(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.empty() || b.empty()) return {};
    std::vector<double> differences;
    for (const double x : a)
        for (const double y : b) differences.push_back(y - x);
    const auto m = static_cast<double>(a.size()), n = static_cast<double>(b.size());
    return around(differences, m * n / 2 - kNormal95 * std::sqrt(m * n * (m + n + 1) / 12));
}

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    return around(values, 0).estimate;
}

}  // namespace afs
