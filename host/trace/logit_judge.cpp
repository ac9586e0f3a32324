#include "trace/logit_judge.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace afs {
namespace {

// A KL of this size is what rounding the logits to fp32 leaves.
constexpr double kKlFloor = 1e-10;

struct Top {
    size_t first = 0;
    double margin = 0;
};
Top top_of(const float* row, size_t n) {
    Top top;
    for (size_t i = 1; i < n; ++i)
        if (row[i] > row[top.first]) top.first = i;
    double second = -INFINITY;
    for (size_t i = 0; i < n; ++i)
        if (i != top.first) second = std::max<double>(second, row[i]);
    top.margin = row[top.first] - second;
    return top;
}

double log_sum(const float* row, size_t n) {
    const double most = *std::max_element(row, row + n);
    double sum = 0;
    for (size_t i = 0; i < n; ++i) sum += std::exp(row[i] - most);
    return most + std::log(sum);
}

double divergence(const float* exact, const float* other, size_t n) {
    const double a = log_sum(exact, n), b = log_sum(other, n);
    double kl = 0;
    for (size_t i = 0; i < n; ++i) {
        const double p = exact[i] - a, q = other[i] - b;
        kl += std::exp(p) * (p - q);
    }
    return std::isfinite(kl) ? std::max(kl, 0.0) : INFINITY;
}

double percentile(std::vector<float> errors, double share) {
    const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(errors.size() - 1));
    std::nth_element(errors.begin(), errors.begin() + at, errors.end());
    return errors[static_cast<size_t>(at)];
}

std::vector<float> errors_of(const std::vector<float>& a, const std::vector<float>& b) {
    std::vector<float> errors(a.size());
    for (size_t i = 0; i < a.size(); ++i) {
        const float e = std::abs(a[i] - b[i]);
        errors[i] = std::isfinite(e) ? e : INFINITY;
    }
    return errors;
}

std::vector<float> valid(const std::vector<float>& logits, size_t n_vocab, size_t n_valid) {
    if (n_valid == n_vocab) return logits;
    std::vector<float> kept;
    for (size_t at = 0; at < logits.size(); at += n_vocab)
        kept.insert(kept.end(), logits.begin() + static_cast<std::ptrdiff_t>(at),
                    logits.begin() + static_cast<std::ptrdiff_t>(at + n_valid));
    return kept;
}

void explain(LogitVerdict& v, const char* what, double got, double limit) {
    if (got <= limit) return;
    char text[120];
    std::snprintf(text, sizeof text, "%s%s is %.3g, at most %.3g", v.why.empty() ? "" : "; ", what,
                  got, limit);
    v.why += text;
}

}  // namespace

LogitVerdict judge_logits(const std::vector<float>& all, const std::vector<float>& all_exact,
                          const std::vector<float>& all_reference, size_t n_vocab, size_t n_valid,
                          bool sums_in_dtype) {
    LogitVerdict v;
    const std::vector<float> logits = valid(all, n_vocab, n_valid),
                             exact = valid(all_exact, n_vocab, n_valid),
                             reference = valid(all_reference, n_vocab, n_valid);
    v.error = error_ratio(logits, exact, &reference, n_valid);
    v.p999 = percentile(errors_of(logits, exact), 0.999);
    v.their_p999 = percentile(errors_of(reference, exact), 0.999);
    v.n_tokens = static_cast<uint32_t>(exact.size() / n_valid);
    // Each of the two best may be off by the most that is allowed.
    const double wider = v.error.slack * (sums_in_dtype ? kOrderOfSums : 1);
    const double undecided = 2 * 2 * wider * v.error.their_max;
    std::vector<double> kl(v.n_tokens), their_kl(v.n_tokens);
    for (uint32_t t = 0; t < v.n_tokens; ++t) {
        const float *e = exact.data() + t * n_valid, *l = logits.data() + t * n_valid;
        const Top want = top_of(e, n_valid), got = top_of(l, n_valid);
        const bool decided = want.margin > undecided;
        v.n_decided += decided;
        v.n_wrong += decided && got.first != want.first;
        if (got.first != want.first && v.first_divergent < 0) {
            v.first_divergent = static_cast<int32_t>(t);
            v.margin = want.margin;
        }
        kl[t] = divergence(e, l, n_valid);
        their_kl[t] = divergence(e, reference.data() + t * n_valid, n_valid);
        v.kl += kl[t] / v.n_tokens;
        v.their_kl += their_kl[t] / v.n_tokens;
    }
    explain(v, "the largest error", v.error.max, 2 * wider * v.error.their_max);
    explain(v, "the RMS error", v.error.rms, 1.25 * wider * v.error.their_rms);
    explain(v, "the 99.9th percentile", v.p999, 1.5 * wider * v.their_p999);
    // A few likely ids make up a token's KL, so that it differs more between tokens than errors do.
    const double order = sums_in_dtype ? kOrderOfSums * kOrderOfSums : 1;
    explain(v, "KL a token", v.kl, 1.5 * order * chance(kl, their_kl) * v.their_kl + kKlFloor);
    explain(v, "top-1 that differ beyond rounding", v.n_wrong, 0);
    v.ok = v.why.empty();
    return v;
}

}  // namespace afs
