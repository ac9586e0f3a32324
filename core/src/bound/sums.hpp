// A sum in extended precision with what its error bound needs, and the parts that all judges share.
#pragma once
#include <algorithm>
#include <bitset>
#include <cmath>
#include <cstring>
#include <set>

#include "afs/abi/ops.h"
#include "afs/bound/judged.hpp"

namespace afs::bound {

// Fitted on simulated kernels (tests/core/bound/linear_test.cpp): a sequential fp32 accumulator has
// an RMS error of about 0.4 sqrt(K) u (S2 + P); its largest of a million elements stays under 3.
constexpr double kAccSpread = 0.6, kAccBound = 3.0;

// The value alone needs extended precision, which is slow; what the bound is made of does not.
class Sum {
public:
    void add(long double exact, bool flushed = false) {
        const double term = static_cast<double>(exact), size = std::abs(term);
        total_ += exact;
        so_far_ += term;
        double& half = half_[n_++ % 2];
        half += term;
        absolute_ += size;
        squares_ += term * term;
        largest_ = std::max(largest_, std::max(std::abs(so_far_), std::abs(half)));
        if (flushed) lost_ += size;
        note_kind(term);
    }
    double value() const { return static_cast<double>(total_); }
    double n() const { return static_cast<double>(n_); }
    double s1() const { return absolute_; }
    double s2() const { return std::sqrt(squares_); }
    double lost() const { return lost_; }  // terms that flushing takes away
    // sqrt(K) * (S2 + P), times c * u_acc the accumulator's part. Equal terms are rounded alike, so
    // the errors of few kinds of terms add up like K / sqrt(kinds) instead.
    double growth() const {
        const double n = static_cast<double>(n_);
        return std::sqrt(n * std::max(1.0, n / n_kinds())) * (s2() + largest_);
    }

private:
    static constexpr size_t kBits = 1 << 14;
    void note_kind(double term) {
        uint64_t bits;
        std::memcpy(&bits, &term, sizeof bits);
        auto slot = kinds_[(bits * 0x9e3779b97f4a7c15ull) >> 50];
        n_slots_ += !slot;
        slot = true;
    }
    // How many values the terms have, estimated from how full the bitmap is.
    double n_kinds() const {
        const double all = kBits, empty = all - static_cast<double>(std::min(n_slots_, kBits - 1));
        return std::max(1.0, all * std::log(all / empty));
    }

    long double total_ = 0;
    double so_far_ = 0, half_[2] = {0, 0}, absolute_ = 0, squares_ = 0, largest_ = 0, lost_ = 0;
    size_t n_ = 0, n_slots_ = 0;
    std::bitset<kBits> kinds_;
};

// Accumulator's unit: tensor cores truncate, which is at most twice a rounding.
inline double acc_unit(const Arithmetic& how) {
    return unit_roundoff(how.acc_dtype) * (how.flags & AFS_TENSOR_CORE ? 2 : 1);
}
// Rounding two operands of one dtype to a narrower one inside.
inline double operand_unit(int32_t operand_dtype, const Arithmetic& how) {
    const double inside = unit_roundoff(how.internal_dtype);
    return inside > unit_roundoff(operand_dtype) ? 2 * inside : 0;
}
inline double weight_unit(const Arithmetic& how) {
    return how.flags & AFS_ROUNDED_WEIGHTS ? unit_roundoff(AFS_BF16) : 0;
}

// Different magnitudes among n values, counted up to kFewValues.
constexpr size_t kFewValues = 256;
inline size_t count_values(const double* x, size_t n) {
    std::set<double> kinds;
    for (size_t i = 0; i < n && kinds.size() < kFewValues; ++i) kinds.insert(std::abs(x[i]));
    return kinds.size();
}

// True where a row holds so few values that the errors of its elements are no independent draws:
// the products of a handful of short numbers round with a bias of their own.
inline bool few_values(const double* x, size_t n) {
    const size_t n_kinds = count_values(x, n);
    return n_kinds < kFewValues && 2 * n_kinds < n;
}

// Errors gathered for one element: the worst case, the RMS, and whether neighbours share it. Kept
// in extended precision, where the square of a subnormal is not yet 0.
class Error {
public:
    explicit Error(const Arithmetic& how, bool alike = false) : how_(how), alike_(alike) {}
    void independent(double worst, double rms) {
        worst_ += worst;
        (alike_ ? shared2_ : spread2_) += static_cast<long double>(rms) * rms;
    }
    void shared(double worst, double rms) {
        worst_ += worst;
        shared2_ += static_cast<long double>(rms) * rms;
    }
    // Rounding to the nearest of dtype at x, times a factor.
    void rounding(int32_t dtype, double x, double factor = 1) {
        const double half = half_ulp(dtype, x) * std::abs(factor);
        independent(half, half / std::sqrt(3.0));
    }
    // n results of the accumulator's type that may be subnormal, each times a factor.
    void underflow(double n, double factor = 1) {
        const double half = half_ulp(how_.acc_dtype, 0) * std::abs(factor);
        independent(n * half, std::sqrt(n) * half);
    }
    void accumulated(const Sum& sum) {
        const double part = acc_unit(how_) * sum.growth();
        if (how_.flags & AFS_TENSOR_CORE)
            shared(kAccBound * part, kAccSpread * part);  // truncation pulls all one way
        else
            independent(kAccBound * part, kAccSpread * part);
        underflow(sum.n());
    }
    // Puts the element into a judgement: its own last rounding, flushing, and the double of `want`.
    void store(Judged& to, size_t i, double want) { store(to, i, want, want); }
    // before_last: want with the op's inner roundings.
    void store(Judged& to, size_t i, double want, double before_last) {
        rounding(how_.out_dtype, std::abs(want) + worst_);
        const double tiny = smallest_normal(how_.out_dtype);
        if (how_.flags & AFS_FLUSH_SUBNORMALS && std::abs(want) < tiny) shared(tiny, tiny);
        if (how_.out_dtype == AFS_F64) rounding(AFS_F64, want);
        to.want[i] = want;
        to.rounded[i] = nearest_value(how_.out_dtype, before_last);
        to.bound[i] = worst_;
        to.spread[i] = static_cast<double>(std::sqrt(spread2_));
        to.shared[i] = static_cast<double>(std::sqrt(shared2_));
    }

private:
    const Arithmetic& how_;
    bool alike_;
    double worst_ = 0;
    long double spread2_ = 0, shared2_ = 0;
};

inline Judged judged(size_t rows, size_t cols, const Arithmetic& how) {
    Judged j;
    j.rows = rows, j.cols = cols, j.out_dtype = how.out_dtype;
    for (auto* v : {&j.want, &j.bound, &j.spread, &j.shared, &j.rounded}) v->resize(rows * cols);
    return j;
}

}  // namespace afs::bound
