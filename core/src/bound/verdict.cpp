#include "afs/bound/verdict.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <utility>

namespace afs::bound {
namespace {

constexpr double kSigmas = 7;         // of a mean's distribution, before it counts as a bias
constexpr double kShapeLimit = 1.15;  // of many elements; fewer get kShapeSlack / sqrt(n) more
constexpr double kShapeSlack = 4;

// Whether y and r are the same non-number, or r may round to infinity and y did (or did not).
bool same_special(double y, double r, double bound, int32_t dtype) {
    if (std::isnan(y) || std::isnan(r)) return std::isnan(y) && std::isnan(r);
    if (std::isinf(r)) return y == r;
    const bool may_overflow = std::abs(r) + bound >= largest_finite(dtype);
    return std::isinf(y) && may_overflow && std::signbit(y) == std::signbit(r);
}

// Elements that a mean or an RMS may use: both finite.
bool plain(double y, double r) {
    return std::isfinite(y) && std::isfinite(r);
}

// Elements are sorted by r: those from `first` on that lie within a rounding interval's width of it
// err alike, so they count as one. The first that does not.
template <class Parts>
size_t end_of_alike(const Parts& parts, size_t first, int32_t dtype) {
    const double limit = parts[first].first + 2 * half_ulp(dtype, parts[first].first);
    size_t end = first + 1;
    while (end < parts.size() &&
           (parts[end].first < limit || parts[end].first == parts[first].first))
        ++end;
    return end;
}

// The mean of some elements' errors against what chance allows. Shared errors do not average out.
// Roundings to the nearest average out, unless the values resemble each other: what they add up to
// is then no bias of the kernel's.
class Mean {
public:
    // sign: of the error's direction that is counted.
    void add(double y, const Judged& j, size_t i, double sign = 1) {
        sum_ += sign * (y - j.want[i]);
        if (!j.rounded.empty()) rounded_ += sign * (j.rounded[i] - j.want[i]);
        shared_ += j.shared[i];
        parts_.push_back({j.want[i], j.spread[i]});
    }
    // |mean| over its limit.
    double excess(int32_t dtype) {
        if (parts_.empty()) return 0;
        std::sort(parts_.begin(), parts_.end());
        long double variance = 0;
        for (size_t i = 0, end; i < parts_.size(); i = end) {
            end = end_of_alike(parts_, i, dtype);
            const long double alike = static_cast<long double>(end - i) * parts_[end - 1].second;
            variance += alike * alike;
        }
        const long double limit = kSigmas * (std::sqrt(variance) + shared_);
        const double lean = std::min(std::abs(sum_), std::abs(sum_ - rounded_));
        if (limit == 0) return lean == 0 ? 0 : INFINITY;
        return static_cast<double>(lean / limit);
    }

private:
    double sum_ = 0, rounded_ = 0, shared_ = 0;
    std::vector<std::pair<double, double>> parts_;
};

void note(Verdict& v, Mean& mean, int32_t dtype, const std::string& name) {
    const double excess = mean.excess(dtype);
    if (excess > v.bias) v.bias = excess, v.biased = name;
}

void judge_bias(Verdict& v, const double* y, const Judged& j) {
    const size_t n_columns = std::min<size_t>(j.cols, 128);  // wider outputs by column mod 128
    Mean overall, towards_zero;
    std::vector<Mean> rows(j.rows), columns(n_columns);
    for (size_t i = 0; i < j.want.size(); ++i) {
        if (!plain(y[i], j.want[i])) continue;
        overall.add(y[i], j, i);
        towards_zero.add(y[i], j, i, std::signbit(j.want[i]) ? -1 : 1);
        rows[i / j.cols].add(y[i], j, i);
        columns[i % j.cols % n_columns].add(y[i], j, i);
    }
    note(v, overall, j.out_dtype, "overall");
    note(v, towards_zero, j.out_dtype, "towards zero");
    for (size_t r = 0; r < rows.size(); ++r)
        note(v, rows[r], j.out_dtype, "row " + std::to_string(r));
    for (size_t c = 0; c < n_columns; ++c)
        note(v, columns[c], j.out_dtype,
             "column " + std::to_string(c) + (j.cols > n_columns ? " mod 128" : ""));
}

// How many elements an RMS really speaks for: those that err alike count as one, and a few large
// ones outweigh many small.
void judge_shape(Verdict& v, const double* y, const Judged& j) {
    long double error2 = 0, expected2 = 0, squares = 0;
    std::vector<std::pair<double, long double>> parts;  // r, expected error squared
    for (size_t i = 0; i < j.want.size(); ++i) {
        if (!plain(y[i], j.want[i])) continue;
        const long double e = y[i] - j.want[i], own = j.spread[i], shared = j.shared[i];
        error2 += e * e;
        parts.push_back({j.want[i], own * own + shared * shared});
    }
    std::sort(parts.begin(), parts.end());
    for (size_t i = 0, end; i < parts.size(); i = end) {
        long double alike = 0;
        end = end_of_alike(parts, i, j.out_dtype);
        for (size_t each = i; each < end; ++each) alike += parts[each].second;
        expected2 += alike;
        squares += alike * alike;
    }
    const long double n = squares > 0 ? expected2 * expected2 / squares : 1;
    v.shape = error2 == 0 ? 0 : static_cast<double>(std::sqrt(error2 / expected2));
    v.shape_limit = kShapeLimit + kShapeSlack / std::sqrt(static_cast<double>(n));
}

}  // namespace

Verdict verdict(const double* y, const Judged& j) {
    Verdict v;
    for (size_t i = 0; i < j.want.size(); ++i) {
        double ratio = 0;
        const double r = j.want[i], error = std::abs(y[i] - r);
        if (!plain(y[i], r))
            ratio = same_special(y[i], r, j.bound[i], j.out_dtype) ? 0 : INFINITY;
        else if (error > 0)
            ratio = error / j.bound[i];
        v.n_over += ratio > 1;
        if (i == 0 || ratio > v.worst_ratio) {
            v.worst = i, v.worst_ratio = ratio, v.got = y[i], v.want = r;
            v.worst_ulps = error / (2 * half_ulp(j.out_dtype, r));
        }
    }
    judge_shape(v, y, j);
    judge_bias(v, y, j);
    return v;
}

std::string Verdict::text() const {
    char line[320];
    std::snprintf(line, sizeof line,
                  "%s: H %zu over, worst [%zu] got %.9g expected %.9g (%.3g ulps, %.3g of bound); "
                  "S %.3g of at most %.3g; B %.3g of 1 (%s)",
                  ok() ? "within bounds" : "out of bounds", n_over, worst, got, want, worst_ulps,
                  worst_ratio, shape, shape_limit, bias, biased.c_str());
    return line;
}

size_t first_difference(const void* a, const void* b, size_t bytes) {
    const auto *x = static_cast<const uint8_t*>(a), *y = static_cast<const uint8_t*>(b);
    const auto at = std::mismatch(x, x + bytes, y).first;
    return at == x + bytes ? SIZE_MAX : static_cast<size_t>(at - x);
}

}  // namespace afs::bound
