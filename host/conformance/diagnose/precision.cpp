// What is computed less precisely than was declared. Such a mistake predicts no values, only the
// size of the errors or the grid that values lie on: an error that is merely smaller than a coarse
// sum's would be is no sign of one.
#include <cmath>

#include "conformance/diagnose/diagnose.hpp"

namespace afs::conformance {
namespace {

using bound::Arithmetic;

// Whether the output's errors are as large as `how` makes them, and no larger.
bool errs_like(const OpCase& c, const Outcome& o, const Arithmetic& how) {
    constexpr double kLeast = 0.4;  // of the RMS that correct kernels of this arithmetic have
    const bound::Judged judged = judge_case(c, how);
    if (judged.want.empty()) return false;
    const bound::Verdict v = bound::verdict(o.output.doubles().data(), judged);
    return !v.over() && !v.misshapen() && v.bias < 1.5 && v.shape > kLeast;
}

// Whether all values lie on the grid of a dtype that is coarser than the output's.
bool on_grid(const Array& output, int32_t dtype) {
    if (bound::unit_roundoff(output.dtype) >= bound::unit_roundoff(dtype)) return false;
    Array one(dtype, {1, 1}, {});
    size_t n = 0;
    for (size_t i = 0; i < output.size(); ++i) {
        const double value = output[i];
        if (!std::isfinite(value) || value == 0) continue;
        one.set(0, value);
        if (one[0] != value) return false;
        ++n;
    }
    return n >= 8;
}

std::string narrow_sum(const OpCase& c, const Outcome& o, const Arithmetic& how) {
    for (const int32_t dtype : {AFS_BF16, AFS_F16}) {
        if (bound::unit_roundoff(dtype) <= bound::unit_roundoff(how.acc_dtype)) continue;
        Arithmetic other = how;
        other.acc_dtype = dtype;
        if (on_grid(o.output, dtype) || errs_like(c, o, other))
            return std::string("sums in ") + dtype_name(dtype) +
                   ", though it declares a wider accumulator";
    }
    return {};
}

// Softmax weights of some 8 bits.
std::string narrow_weights(const OpCase& c, const Outcome& o, const Arithmetic& how) {
    if (bound::unit_roundoff(how.internal_dtype) >= bound::unit_roundoff(AFS_BF16)) return {};
    Arithmetic other = how;
    other.internal_dtype = AFS_BF16;
    if (!errs_like(c, o, other)) return {};
    return "its softmax weights have about 8 bits: rounded to bf16, which it does not declare, or "
           "a "
           "rough exponential";
}

// The other order of rounding and weight, element by element.
std::string other_rounding(const OpCase& c, const Outcome& o) {
    constexpr double kMost = 0.995, kClearly = 0.02;
    if (c.output.dtype == AFS_F32 || c.output.dtype == AFS_F64) return {};
    const auto& p = *static_cast<const afs_rms_norm_params*>(c.params.get());
    const auto d = static_cast<size_t>(c.output.dims[1]);
    Array value(c.output.dtype, {1, 1}, {});
    const auto rounded = [&](double x) { return value.set(0, x), value[0]; };
    size_t n = 0, like_before = 0, like_after = 0;
    for (size_t first = 0; first + d <= c.output.size(); first += d) {
        double sum = 0;
        for (size_t i = first; i < first + d; ++i) sum += std::pow(c.inputs[0][i], 2);
        const double root = std::sqrt(sum / static_cast<double>(d) + static_cast<double>(p.eps));
        for (size_t i = first; i < first + d; ++i, ++n) {
            const double w = c.inputs[1][i - first], x = c.inputs[0][i] / root;
            like_before += rounded(w * x) == o.output[i];
            like_after += rounded(w * rounded(x)) == o.output[i];
        }
    }
    const auto share = [&](size_t hits) {
        return static_cast<double>(hits) / static_cast<double>(n ? n : 1);
    };
    const double right = share(p.weight_before_cast ? like_before : like_after),
                 other = share(p.weight_before_cast ? like_after : like_before);
    if (n < 8 || other < kMost || right > other - kClearly) return {};
    return p.weight_before_cast ? "rounds before the weight, not after it"
                                : "rounds after the weight only, not before it too";
}

}  // namespace

// Right but for results that are 0 where a subnormal number belongs.
std::string undeclared_flushing(const OpCase& c, const Outcome& o) {
    Arithmetic how = arithmetic(o.verdict, c.output.dtype);
    if (how.flags & AFS_FLUSH_SUBNORMALS) return {};
    const bound::Judged strict = judge_case(c, how);
    for (size_t i = 0; i < strict.want.size(); ++i)
        if (std::abs(o.output[i] - strict.want[i]) > strict.bound[i] && o.output[i] != 0) return {};
    how.flags |= AFS_FLUSH_SUBNORMALS;
    return fits(o, judge_case(c, how)) ? "flushes subnormals, which it does not declare" : "";
}

std::string wrong_precision(const OpCase& c, const Outcome& o) {
    const Arithmetic how = arithmetic(o.verdict, c.output.dtype);
    if (c.op == "linear/1") return narrow_sum(c, o, how);
    if (c.op == "attention/1") return narrow_weights(c, o, how);
    return c.op == "rms_norm/1" ? other_rounding(c, o) : std::string();
}

}  // namespace afs::conformance
