// The rules against simulated matrix products of bf16 operands: correct kernels are never rejected,
// each seeded bug is caught, at the widths of the 13B and 32B models.
#include <catch2/catch.hpp>
#include <functional>
#include <random>

#include "afs/abi/ops.h"
#include "afs/bound/judge.hpp"
#include "afs/bound/verdict.hpp"
#include "afs/numeric.hpp"

using namespace afs;
using namespace afs::bound;

namespace {

constexpr size_t kRows = 12, kCols = 40;

struct Data {
    std::string name;
    std::vector<double> x, w;
};

using Draw = std::function<double(size_t row, size_t k)>;

std::vector<double> bf16_matrix(size_t rows, size_t k, const Draw& draw) {
    std::vector<double> all(rows * k);
    for (size_t i = 0; i < all.size(); ++i)
        all[i] = to_float(to_bf16(static_cast<float>(draw(i / k, i % k))));
    return all;
}

std::vector<Data> data_sets(size_t k, bool one_sided) {
    std::mt19937 random(static_cast<uint32_t>(k));
    std::normal_distribution<double> normal;
    std::uniform_real_distribution<double> uniform(0, 1);
    const Draw gauss = [&](size_t, size_t) { return normal(random); };
    const Draw weights = [&](size_t, size_t) { return 0.02 * normal(random); };
    const Draw positive = [&](size_t, size_t) { return uniform(random); };
    std::vector<std::pair<std::string, std::pair<Draw, Draw>>> kinds = {
        {"normal", {gauss, weights}},
        {"uniform", {[&](size_t, size_t) { return 2 * uniform(random) - 1; }, weights}},
        {"outlier channels",
         {[&](size_t, size_t j) { return normal(random) * (j % 97 == 5 ? 60 : 1); }, weights}},
        {"positive activations", {positive, weights}},
        {"near-cancelling",
         {[&](size_t, size_t j) { return j % 2 ? 1.0 : 1 + 0.1 * normal(random); },
          [&](size_t, size_t j) { return (j % 2 ? -1 : 1) * (1 + 0.1 * normal(random)); }}},
        {"tiny", {[&](size_t, size_t) { return 1e-18 * normal(random); }, weights}}};
    if (one_sided)
        kinds = {{"positive", {positive, positive}},
                 {"flat", {[](size_t, size_t) { return 0.3; }, [](size_t, size_t) { return 0.7; }}},
                 {"half and half", {positive, [&](size_t, size_t j) {
                                        return (j < k / 2 ? 1 : -1) * uniform(random);
                                    }}}};
    std::vector<Data> sets;
    for (const auto& [name, draws] : kinds)
        sets.push_back(
            {name, bf16_matrix(kRows, k, draws.first), bf16_matrix(kCols, k, draws.second)});
    return sets;
}

using Kernel = std::function<double(const double* x, const double* w, size_t k)>;

double round_bf16(double v) {
    return to_float(to_bf16(static_cast<float>(v)));
}

double sequential(const double* x, const double* w, size_t k) {
    float sum = 0;
    for (size_t j = 0; j < k; ++j) sum += static_cast<float>(x[j]) * static_cast<float>(w[j]);
    return sum;
}
double blocked(const double* x, const double* w, size_t k) {
    float total = 0;
    for (size_t from = 0; from < k; from += 64) {
        float lane[8] = {};
        for (size_t j = from; j < std::min(k, from + 64); ++j)
            lane[j % 8] += static_cast<float>(x[j]) * static_cast<float>(w[j]);
        for (const float l : lane) total += l;
    }
    return total;
}
double in_double(const double* x, const double* w, size_t k) {
    double sum = 0;
    for (size_t j = 0; j < k; ++j) sum += x[j] * w[j];
    return sum;
}
double bf16_accumulator(const double* x, const double* w, size_t k) {
    float sum = 0;
    for (size_t j = 0; j < k; ++j)
        sum = to_float(to_bf16(sum + static_cast<float>(x[j]) * static_cast<float>(w[j])));
    return sum;
}
double truncated(double v) {
    return bits_float(float_bits(static_cast<float>(v)) & 0xffff0000u);
}

std::vector<double> output(const Data& data, size_t k, const Kernel& kernel) {
    std::vector<double> y(kRows * kCols);
    for (size_t i = 0; i < y.size(); ++i)
        y[i] = kernel(&data.x[i / kCols * k], &data.w[i % kCols * k], k);
    return y;
}

Judged judgement(const Data& data, size_t k, int32_t out) {
    return judge_linear(data.x.data(), data.w.data(), kRows, kCols, k, AFS_BF16,
                        {AFS_F32, AFS_F32, out});
}

}  // namespace

TEST_CASE("linear: seeded bugs are caught and correct kernels pass, in six data sets") {
    const std::pair<const char*, Kernel> right[] = {
        {"sequential", sequential}, {"blocked", blocked}, {"double", in_double}};
    const std::pair<const char*, Kernel> wrong[] = {
        {"drops the last element",
         [](auto* x, auto* w, size_t k) { return round_bf16(sequential(x, w, k - 1)); }},
        {"bf16 accumulator", bf16_accumulator},
        {"times 1.01",
         [](auto* x, auto* w, size_t k) { return round_bf16(1.01 * sequential(x, w, k)); }},
        {"truncates", [](auto* x, auto* w, size_t k) { return truncated(blocked(x, w, k)); }}};
    for (const size_t k : {size_t{5120}, size_t{13824}})
        for (const Data& data : data_sets(k, false)) {
            const Judged bf16_bound = judgement(data, k, AFS_BF16);
            const Judged fp32_bound = judgement(data, k, AFS_F32);
            for (const auto& [name, kernel] : right) {
                std::vector<double> y = output(data, k, kernel);
                for (double& v : y) v = static_cast<float>(v);
                const Verdict full = verdict(y.data(), fp32_bound);
                INFO(k << " " << data.name << ", " << name << ", fp32: " << full.text());
                CHECK(full.ok());
                for (double& v : y) v = round_bf16(v);
                const Verdict rounded = verdict(y.data(), bf16_bound);
                INFO(k << " " << data.name << ", " << name << ", bf16: " << rounded.text());
                CHECK(rounded.ok());
            }
            for (const auto& [name, kernel] : wrong) {
                const Verdict v = verdict(output(data, k, kernel).data(), bf16_bound);
                INFO(k << " " << data.name << ", " << name << ": " << v.text());
                CHECK_FALSE(v.ok());
            }
        }
}

// Sums of one sign: a sequential accumulator errs more, and a dropped element shows in fp32 only.
TEST_CASE("linear: correct kernels pass on one-sided data, bugs are caught in fp32") {
    for (const size_t k : {size_t{5120}, size_t{13824}})
        for (const Data& data : data_sets(k, true)) {
            const Judged bound = judgement(data, k, AFS_F32);
            for (const Kernel& kernel : {Kernel(sequential), Kernel(blocked), Kernel(in_double)}) {
                std::vector<double> y = output(data, k, kernel);
                for (double& v : y) v = static_cast<float>(v);
                const Verdict v = verdict(y.data(), bound);
                INFO(k << " " << data.name << ": " << v.text());
                CHECK(v.ok());
            }
            if (data.name == "flat") continue;  // a sequential sum errs more than one element there
            const Verdict dropped = verdict(
                output(data, k, [](auto* x, auto* w, size_t n) { return blocked(x, w, n - 1); })
                    .data(),
                bound);
            INFO(k << " " << data.name << ": " << dropped.text());
            CHECK_FALSE(dropped.ok());
        }
}

TEST_CASE("linear: a declared bf16 interior is granted its operands' rounding, others are not") {
    const size_t k = 5120;
    std::mt19937 random(3);
    std::normal_distribution<double> normal;
    std::vector<double> x(kRows * k), w(kCols * k);
    for (double& v : x) v = static_cast<float>(normal(random));
    for (double& v : w) v = static_cast<float>(normal(random));
    const Data rounded{"", bf16_matrix(kRows, k, [&](size_t r, size_t j) { return x[r * k + j]; }),
                       bf16_matrix(kCols, k, [&](size_t r, size_t j) { return w[r * k + j]; })};
    const std::vector<double> y = output(rounded, k, in_double);
    const auto judged = [&](int32_t internal) {
        return judge_linear(x.data(), w.data(), kRows, kCols, k, AFS_F32,
                            {AFS_F32, internal, AFS_F32});
    };
    CHECK(verdict(y.data(), judged(AFS_BF16)).ok());
    CHECK_FALSE(verdict(y.data(), judged(AFS_F32)).ok());
}

TEST_CASE("linear: weights rounded to bf16 are granted only where they are declared") {
    const size_t k = 4096;
    std::mt19937 random(4);
    std::normal_distribution<double> normal;
    const Data exact{"", bf16_matrix(kRows, k, [&](size_t, size_t) { return normal(random); }),
                     std::vector<double>(kCols * k)};
    Data rounded = exact, narrower = exact;
    std::vector<double> w(kCols * k);
    for (size_t i = 0; i < w.size(); ++i) {
        w[i] = static_cast<float>(normal(random));
        rounded.w[i] = round_bf16(w[i]);
        narrower.w[i] = bits_float((float_bits(static_cast<float>(w[i])) + 0x20000u) & ~0x3ffffu);
    }
    const auto judged = [&](uint32_t flags) {
        return judge_linear(exact.x.data(), w.data(), kRows, kCols, k, AFS_F32,
                            {AFS_F32, AFS_F32, AFS_F32, flags});
    };
    CHECK(verdict(output(rounded, k, in_double).data(), judged(AFS_ROUNDED_WEIGHTS)).ok());
    CHECK_FALSE(verdict(output(rounded, k, in_double).data(), judged(0)).ok());
    CHECK_FALSE(verdict(output(narrower, k, in_double).data(), judged(AFS_ROUNDED_WEIGHTS)).ok());
}

TEST_CASE("linear: flushed subnormal operands are granted only where they are declared") {
    const std::vector<double> x = {1.0, 0x1p-130}, w = {1e-30, 0x1p20};
    const double y = 1e-30;  // the second product, 2^-110, is gone
    const auto judged = [&](uint32_t flags) {
        return judge_linear(x.data(), w.data(), 1, 1, 2, AFS_F32,
                            {AFS_F32, AFS_F32, AFS_F32, flags});
    };
    CHECK(verdict(&y, judged(AFS_FLUSH_SUBNORMALS)).ok());
    CHECK(verdict(&y, judged(0)).over());
}

// 32 neighbours of x to whole multiples of 2^(e - kBits + 1), e the binade of the largest.
template <int kBits>
static std::vector<double> whole(std::vector<double> x) {
    for (size_t first = 0; first < x.size(); first += 32) {
        double most = 0;
        for (size_t j = first; j < first + 32; ++j) most = std::max(most, std::abs(x[j]));
        const double step = std::ldexp(1.0, std::ilogb(most) - kBits + 2);
        for (size_t j = first; j < first + 32; ++j) x[j] = std::nearbyint(x[j] / step) * step;
    }
    return x;
}

TEST_CASE(
    "linear: whole numbers of 16 bits are granted where they are declared, fewer bits never") {
    const size_t k = 5120;
    for (const Data& data : data_sets(k, false)) {
        if (data.name == "tiny") continue;
        // Small beside the largest of its 32: bits are lost that fp32 keeps.
        Data spread = data;
        for (size_t i = 0; i < spread.x.size(); ++i)
            if (i % 32 != 7) spread.x[i] = round_bf16(spread.x[i] / 3000);
        for (size_t i = 0; i < spread.w.size(); ++i)
            if (i % 32 == 7) spread.w[i] = 0;  // and the largest does not show
        const auto judged = [&](int32_t internal) {
            return judge_linear(spread.x.data(), spread.w.data(), kRows, kCols, k, AFS_F32,
                                {AFS_F32, internal, AFS_BF16});
        };
        const auto rounded = [&](const std::vector<double>& x) {
            Data lost = spread;
            lost.x = x;
            std::vector<double> y = output(lost, k, blocked);
            for (double& v : y) v = round_bf16(v);
            return y;
        };
        const Verdict declared = verdict(rounded(whole<16>(spread.x)).data(), judged(AFS_I16));
        INFO(data.name << ": " << declared.text());
        CHECK(declared.ok());
        CHECK(verdict(rounded(spread.x).data(), judged(AFS_I16)).ok());
        CHECK_FALSE(verdict(rounded(whole<16>(spread.x)).data(), judged(AFS_F32)).ok());
        if (data.name == "near-cancelling") continue;  // equal elements: 16 bits lose as much there
        CHECK_FALSE(verdict(rounded(whole<14>(spread.x)).data(), judged(AFS_I16)).ok());
    }
}
