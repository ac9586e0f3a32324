#include "afs/bound/judge.hpp"
#include "sums.hpp"

namespace afs::bound {
namespace {

// Softmax of one head in extended precision, with the largest sum of |q k| scale.
struct Weights {
    std::vector<long double> p;
    double largest_s1 = 0;
    double exponent = 0;  // sum of p * |score - max|
};

Weights weights(const double* q, const double* k, size_t context, size_t stride, size_t hd,
                double scale) {
    Weights w;
    long double max = -INFINITY, sum = 0;
    for (size_t t = 0; t < context; ++t) {
        long double score = 0;
        double absolute = 0;
        for (size_t d = 0; d < hd; ++d) {
            const double key = k[t * stride + d];
            score += static_cast<long double>(q[d]) * key;
            absolute += std::abs(q[d] * key);
        }
        score *= scale;
        w.p.push_back(score);
        w.largest_s1 = std::max(w.largest_s1, absolute * std::abs(scale));
        max = std::max(max, score);
    }
    std::vector<long double> distance;
    for (long double& s : w.p) {
        distance.push_back(max - s);
        sum += s = std::exp(s - max);
    }
    for (size_t t = 0; t < context; ++t) {
        w.p[t] /= sum;
        w.exponent += static_cast<double>(w.p[t] * distance[t]);
    }
    return w;
}

// NaN of rows of `width`, `stride` apart: what it touches is NaN, and x87 takes 100 times as long
// over it as over a number.
bool has_nan(const double* x, size_t rows, size_t stride, size_t width) {
    for (size_t i = 0; i < rows; ++i)
        for (size_t j = 0; j < width; ++j)
            if (std::isnan(x[i * stride + j])) return true;
    return false;
}

bool narrower(int32_t dtype, int32_t than) {
    return unit_roundoff(dtype) > unit_roundoff(than);
}

}  // namespace

// A score is off by at most delta, so every weight by a factor of 1 +- 2 delta (numerator and sum);
// exp, its argument's rounding, the sum's and the quotient's are relative errors of weights too.
Judged judge_attention(const double* q, const double* k, const double* v, size_t context,
                       const afs_attention_params& params, const Arithmetic& how) {
    const size_t hd = params.head_dim, group = params.n_heads / params.n_kv_heads;
    const size_t stride = params.n_kv_heads * hd;
    Judged out = judged(1, params.n_heads * hd, how);
    for (size_t h = 0; h < params.n_heads; ++h) {
        const double *qh = q + h * hd, *kh = k + h / group * hd, *vh = v + h / group * hd;
        if (has_nan(qh, 1, hd, hd) || has_nan(kh, context, stride, hd)) {
            for (size_t d = 0; d < hd; ++d) out.want[h * hd + d] = NAN;
            continue;
        }
        const Weights w = weights(qh, kh, context, stride, hd, static_cast<double>(params.scale));
        const double u = acc_unit(how), root_t = std::sqrt(static_cast<double>(context));
        const double inside = operand_unit(how.out_dtype, how);
        const double delta = (4 * std::sqrt(static_cast<double>(hd)) * u + inside) * w.largest_s1;
        const double soft = (3 + 2 * w.exponent + 4 * root_t) * u + inside;
        // Weights are operands of the product with v: rounded where the plugin says so.
        const bool rounded = narrower(how.internal_dtype, how.acc_dtype);
        const double weight = rounded ? unit_roundoff(how.internal_dtype) : 0.0;
        const bool flushing = how.flags & AFS_FLUSH_SUBNORMALS;
        const double tiny = smallest_normal(how.internal_dtype);
        const double least =  // of tiny ones
            !rounded   ? 0.0
            : flushing ? tiny
                       : half_ulp(how.internal_dtype, 0);
        for (size_t d = 0; d < hd; ++d) {
            if (has_nan(vh + d, context, stride, 1)) {
                out.want[h * hd + d] = NAN;
                continue;
            }
            Sum sum, values;
            for (size_t t = 0; t < context; ++t) {
                sum.add(w.p[t] * vh[t * stride + d]);
                if (rounded) values.add(vh[t * stride + d]);
            }
            const double relative = context > 1 ? 2 * delta + soft : soft;
            Error error(how);
            error.accumulated(sum);
            error.shared(relative * sum.s1(), relative / 4 * sum.s1());
            error.independent(weight * sum.s1() + least * values.s1(),
                              (weight * sum.s2() + least * values.s2()) / std::sqrt(3.0));
            error.shared(0, weight / std::sqrt(3.0) * std::abs(sum.value()));  // equal weights
            if (flushing) {  // values, products and partial sums may be subnormal
                const double lost = std::min(
                    static_cast<double>(context) * smallest_normal(how.acc_dtype), sum.s1());
                error.shared(lost, lost);
            }
            error.store(out, h * hd + d, sum.value());
        }
    }
    return out;
}

}  // namespace afs::bound
