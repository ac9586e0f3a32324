// A sum in extended precision with what its error bound needs, and the parts that all judges share.
#pragma once
#include <algorithm>
#include <bitset>
#include <cmath>
#include <cstring>

#include "afs/abi/ops.h"
#include "afs/bound/judged.hpp"

namespace afs::bound {

// Fitted on simulated kernels (tests/core/bound/linear_test.cpp): a sequential fp32 accumulator has
// an RMS error of about 0.4 sqrt(K) u (S2 + P); its largest of a million elements stays under 3.
constexpr double kAccSpread = 0.6, kAccBound = 3.0;

class Sum {
public:
    void add(long double term, bool flushed = false) {
        total_ += term;
        half_[n_++ % 2] += term;
        absolute_ += std::abs(term);
        squares_ += term * term;
        largest_ = std::max({largest_, std::abs(total_), std::abs(half_[0]), std::abs(half_[1])});
        if (flushed) lost_ += std::abs(term);
        note_kind(static_cast<double>(term));
    }
    double value() const { return static_cast<double>(total_); }
    double s1() const { return static_cast<double>(absolute_); }
    double s2() const { return static_cast<double>(std::sqrt(squares_)); }
    double lost() const { return static_cast<double>(lost_); }  // terms that flushing takes away
    // sqrt(K) * (S2 + P), times c * u_acc the accumulator's part. Equal terms are rounded alike, so
    // the errors of few kinds of terms add up like K / sqrt(kinds) instead.
    double growth() const {
        const double n = static_cast<double>(n_);
        return std::sqrt(n * std::max(1.0, n / n_kinds())) * (s2() + static_cast<double>(largest_));
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

    long double total_ = 0, half_[2] = {0, 0}, absolute_ = 0, squares_ = 0, largest_ = 0, lost_ = 0;
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
inline bool subnormal(double x, int32_t dtype) {
    return x != 0 && std::abs(x) < smallest_normal(dtype);
}

// Errors gathered for one element. add(): worst case, RMS, and whether neighbours share it.
class Error {
public:
    void independent(double worst, double rms) { worst_ += worst, spread2_ += rms * rms; }
    void shared(double worst, double rms) { worst_ += worst, shared2_ += rms * rms; }
    // Rounding to the nearest of dtype at x, times a factor.
    void rounding(int32_t dtype, double x, double factor = 1) {
        const double half = half_ulp(dtype, x) * std::abs(factor);
        independent(half, half / std::sqrt(3.0));
    }
    void accumulated(const Sum& sum, const Arithmetic& how, double factor = 1) {
        const double part = acc_unit(how) * sum.growth() * std::abs(factor);
        if (how.flags & AFS_TENSOR_CORE)
            shared(kAccBound * part, kAccSpread * part);  // truncation pulls all one way
        else
            independent(kAccBound * part, kAccSpread * part);
    }
    // Puts the element into a judgement: its own last rounding, flushing, and the double of `want`.
    void store(Judged& to, size_t i, double want, const Arithmetic& how) {
        rounding(how.out_dtype, std::abs(want) + worst_);
        if (how.flags & AFS_FLUSH_SUBNORMALS && std::abs(want) < smallest_normal(how.out_dtype))
            shared(smallest_normal(how.out_dtype), smallest_normal(how.out_dtype));
        if (how.out_dtype == AFS_F64) rounding(AFS_F64, want);
        to.want[i] = want;
        to.bound[i] = worst_;
        to.spread[i] = std::sqrt(spread2_);
        to.shared[i] = std::sqrt(shared2_);
    }

private:
    double worst_ = 0, spread2_ = 0, shared2_ = 0;
};

inline Judged judged(size_t rows, size_t cols, const Arithmetic& how) {
    Judged j;
    j.rows = rows, j.cols = cols, j.out_dtype = how.out_dtype;
    for (auto* v : {&j.want, &j.bound, &j.spread, &j.shared}) v->resize(rows * cols);
    return j;
}

}  // namespace afs::bound
