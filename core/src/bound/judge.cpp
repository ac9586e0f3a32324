#include "afs/bound/judge.hpp"

#include <algorithm>

#include "afs/rope.hpp"
#include "sums.hpp"

namespace afs::bound {

namespace {

// What whole numbers of 16 bits lose of a row of x (AFS_I16): at most half a step of an element
// that is no whole number, and what rounding to the nearest does lose.
struct Halves {
    std::vector<double> worst, lost;  // [k]
    Halves(const double* x, size_t k) : worst(k), lost(k) {
        constexpr size_t kShared = 32;
        for (size_t first = 0; first < k; first += kShared) {
            const size_t end = std::min(k, first + kShared);
            double most = 0;
            for (size_t j = first; j < end; ++j) most = std::max(most, std::abs(x[j]));
            if (most == 0 || !std::isfinite(most)) continue;
            const double step =
                std::max(std::ldexp(1.0, std::ilogb(most) - 14), smallest_normal(AFS_F32));
            for (size_t j = first; j < end; ++j) {
                lost[j] = x[j] - std::nearbyint(x[j] / step) * step;
                worst[j] = lost[j] != 0 ? step / 2 : 0;
            }
        }
    }
    // Of a dot product with w. Equal elements lose alike: the sum as it is, or as if by chance.
    void add_to(Error& error, const double* w) const {
        double most = 0, sum = 0, squares = 0;
        for (size_t j = 0; j < lost.size(); ++j) {
            most += worst[j] * std::abs(w[j]);
            sum += lost[j] * w[j];
            squares += lost[j] * w[j] * lost[j] * w[j];
        }
        error.shared(most, std::max(std::abs(sum), std::sqrt(squares)));
    }
};

}  // namespace

Judged judge_linear(const double* x, const double* w, size_t n, size_t m, size_t k,
                    int32_t operand_dtype, const Arithmetic& how) {
    Judged out = judged(n, m, how);
    const bool flushing = how.flags & AFS_FLUSH_SUBNORMALS;
    const double u_int = operand_unit(operand_dtype, how) + weight_unit(how);
    const double normal = smallest_normal(how.internal_dtype);
    const auto flushed = [=](double a) { return a != 0 && std::abs(a) < normal; };
    for (size_t i = 0; i < n; ++i) {
        const Halves halves(x + i * k, how.internal_dtype == AFS_I16 ? k : 0);
        for (size_t o = 0; o < m; ++o) {
            Sum sum;
            for (size_t j = 0; j < k; ++j) {
                const double a = x[i * k + j], b = w[o * k + j];
                sum.add(static_cast<long double>(a) * b, flushing && (flushed(a) || flushed(b)));
            }
            Error error(how);
            error.accumulated(sum);
            error.shared(u_int * sum.s1(), u_int * sum.s2());
            error.shared(sum.lost(), sum.lost());
            if (flushing) {  // products and partial sums may be subnormal too
                const double tiny =
                    std::min(static_cast<double>(k) * smallest_normal(how.acc_dtype), sum.s1());
                error.shared(tiny, tiny);
            }
            halves.add_to(error, w + o * k);
            error.store(out, i * m + o, sum.value());
        }
    }
    return out;
}

Judged judge_rms_norm(const double* x, const double* w, size_t n, size_t d,
                      const afs_rms_norm_params& params, const Arithmetic& how) {
    Judged out = judged(n, d, how);
    // root of the number of significands, over the root of 3 that a rounding's RMS has
    const double kinds = std::sqrt(3 / (2 * unit_roundoff(how.out_dtype)));
    for (size_t i = 0; i < n; ++i) {
        const size_t n_kinds = count_values(x + i * d, d);
        const bool alike = n_kinds < kFewValues && 2 * n_kinds < d;
        // equal squares round alike: see the sums' growth
        const double n_terms = static_cast<double>(d), n_alike = static_cast<double>(n_kinds);
        const double per_row =
            (4 * std::sqrt(n_terms * (alike ? n_terms / n_alike : 1)) + 8) * acc_unit(how);
        long double squares = 0;
        for (size_t j = 0; j < d; ++j)
            squares += static_cast<long double>(x[i * d + j]) * x[i * d + j];
        const long double r = 1 / std::sqrt(squares / static_cast<long double>(d) + params.eps);
        for (size_t j = 0; j < d; ++j) {
            const double normed = static_cast<double>(x[i * d + j] * r);
            const double want = static_cast<double>(x[i * d + j] * r * w[j]);
            Error error(how, alike);
            error.underflow(1, w[j]);
            error.shared(per_row * std::abs(want), per_row / 4 * std::abs(want));
            if (!params.weight_before_cast) {
                error.rounding(how.out_dtype, normed, w[j]);
                // x * r has the significands of x times one r: so few that their roundings lean
                const double lean = half_ulp(how.out_dtype, normed) * std::abs(w[j]) / kinds;
                error.shared(0, lean);
            }
            error.underflow(1);
            const bool inner = !params.weight_before_cast;
            error.store(out, i * d + j, want,
                        inner ? nearest_value(how.out_dtype, normed) * w[j] : want);
        }
    }
    return out;
}

Judged judge_rope(const double* x, const int32_t* positions, size_t n, size_t width,
                  const afs_rope_params& params, const Arithmetic& how) {
    Judged out = judged(n, width, how);
    const size_t half = params.head_dim / 2;
    const auto element = [&](size_t at, double a, double c, double b, double s, bool alike) {
        const long double p = static_cast<long double>(a) * c, q = static_cast<long double>(b) * s;
        const double s1 = static_cast<double>(std::abs(p) + std::abs(q)), u = 4 * acc_unit(how);
        Error error(how, alike);
        error.underflow(3);
        error.shared(u * s1, u * s1 / 4);
        if (params.table_in_act_dtype) {
            const double c_half = half_ulp(how.out_dtype, c), s_half = half_ulp(how.out_dtype, s);
            error.shared(c_half * std::abs(a), c_half * std::abs(a));
            error.shared(s_half * std::abs(b), s_half * std::abs(b));
            // a table entry moved up a binade moves its product too
            error.rounding(how.out_dtype, std::abs(static_cast<double>(p)) + c_half * std::abs(a));
            error.rounding(how.out_dtype, std::abs(static_cast<double>(q)) + s_half * std::abs(b));
        }
        error.store(out, at, static_cast<double>(p + q));
    };
    for (size_t i = 0; i < n; ++i) {
        const bool alike = few_values(x + i * width, width);
        for (size_t j = 0; j < width / 2; ++j) {
            const size_t lo = i * width + j / half * 2 * half + j % half, hi = lo + half;
            const float inv = rope_inv_freq(params, static_cast<uint32_t>(j % half));
            const double angle = rope_angle(positions[i], inv);
            const double c = std::cos(angle), s = std::sin(angle);
            element(lo, x[lo], c, -x[hi], s, alike);
            element(hi, x[hi], c, x[lo], s, alike);
        }
    }
    return out;
}

// exp(-x) overflows below -log(largest): the quotient is then 0 where silu is merely small.
Judged judge_swiglu(const double* gate, const double* up, size_t n, size_t f,
                    const Arithmetic& how) {
    Judged out = judged(n, f, how);
    const double lowest = -std::log(largest_finite(how.acc_dtype)) + 0.01;
    bool alike = false;
    for (size_t i = 0; i < n * f; ++i) {
        if (i % f == 0) alike = few_values(gate + i, f);
        const long double x = gate[i];
        const double silu = static_cast<double>(x / (1 + std::exp(-x)));
        const double want = static_cast<double>(x / (1 + std::exp(-x)) * up[i]);
        const double u = (6 + 2 * std::abs(gate[i])) * acc_unit(how);
        Error error(how, alike);
        error.independent(u * std::abs(want), u / 4 * std::abs(want));
        error.underflow(1, up[i]);
        error.underflow(1);
        error.rounding(how.out_dtype, silu, up[i]);
        if (gate[i] < lowest) error.shared(std::abs(want), std::abs(want));
        error.store(out, i, want, nearest_value(how.out_dtype, silu) * up[i]);
    }
    return out;
}

Judged judge_add(const double* a, const double* b, size_t n, size_t d, const Arithmetic& how) {
    Judged out = judged(n, d, how);
    bool alike = false;
    for (size_t i = 0; i < n * d; ++i) {
        if (i % d == 0) alike = few_values(a + i, d);
        Error error(how, alike);
        const double want = a[i] + b[i], u = acc_unit(how);
        if (how.out_dtype != how.acc_dtype)
            error.independent(u * std::abs(want), u * std::abs(want));
        error.store(out, i, want);
    }
    return out;
}

void append(Judged& to, const Judged& rows) {
    if (to.rows == 0) return void(to = rows);
    to.rows += rows.rows;
    to.want.insert(to.want.end(), rows.want.begin(), rows.want.end());
    to.bound.insert(to.bound.end(), rows.bound.begin(), rows.bound.end());
    to.spread.insert(to.spread.end(), rows.spread.begin(), rows.spread.end());
    to.shared.insert(to.shared.end(), rows.shared.begin(), rows.shared.end());
    to.rounded.insert(to.rounded.end(), rows.rounded.begin(), rows.rounded.end());
}

}  // namespace afs::bound
