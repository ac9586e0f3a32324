// The one definition of sample/1: which id a row of logits gives. Host, CPU kernels and device
// kernels compile this text with contraction off (-ffp-contract=off, nvcc -fmad=false) and agree
// bit for bit: from the weights on everything is integer arithmetic, in any order of summation.
//
//   temperature <= 0   argmax, lowest id on ties; NaN never wins
//   weight of id i     w = floor(2^32 * 2^t), t = ((l_i - max) * (1/T)) * log2(e)
//   top_k              the k largest by (w descending, id ascending)
//   top_p              the shortest prefix of those, in that order, whose sum reaches
//                      max(1, floor(S * p)), p = floor(2^32 * top_p) / 2^32, S their sum
//   min_p              of those the ones with w >= floor(2^32 * min_p)
//   draw               u = hash(seed, counter) * S' >> 64; the first id, ascending, whose running
//                      sum exceeds u; S' is the sum of what is left
// C++17, also in .cu files.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "afs/abi/step.h"

#ifdef __CUDACC__
#define AFS_HD __host__ __device__
#else
#define AFS_HD
#endif

namespace afs {

constexpr uint64_t kSampleOne = 1ull << 32;  // the weight of the largest logit

// 2^32 * 2^t for t = ((logit - max) / T) * log2(e), truncated; 0 for NaN and below 2^-32.
AFS_HD inline uint64_t sample_weight(float logit, float max, float inv_temperature) {
    if (logit == max) return kSampleOne;
    const float scaled = (logit - max) * inv_temperature;
    const float t = scaled * 1.44269504f;
    if (!(t > -33.0f)) return 0;  // also NaN
    const float whole = floorf(t), f = t - whole;
    float p = 0x1.c541a0p-13f;
    p = fmaf(p, f, 0x1.46d63cp-10f);
    p = fmaf(p, f, 0x1.3d0b94p-7f);
    p = fmaf(p, f, 0x1.c68910p-5f);
    p = fmaf(p, f, 0x1.ebfd58p-3f);
    p = fmaf(p, f, 0x1.62e42cp-1f);
    p = fmaf(p, f, 1.0f);
    const int shift = -static_cast<int>(whole);                       // 0 .. 33
    const uint64_t mantissa = static_cast<uint64_t>(p * 8388608.0f);  // 2^23 * [1, 2]: exact
    return (mantissa << 9) >> shift;
}

// 64 uniform bits for one draw.
AFS_HD inline uint64_t sample_hash(uint64_t seed, uint32_t counter) {
    uint64_t x = seed ^ (0x9e3779b97f4a7c15ull * (static_cast<uint64_t>(counter) + 1));
    for (int round = 0; round < 2; ++round) {  // splitmix64's finaliser, twice
        x += 0x9e3779b97f4a7c15ull;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
        x ^= x >> 31;
    }
    return x;
}

// floor(a * b / 2^64)
AFS_HD inline uint64_t sample_mulhi(uint64_t a, uint64_t b) {
    const uint64_t a0 = a & 0xffffffffu, a1 = a >> 32, b0 = b & 0xffffffffu, b1 = b >> 32;
    const uint64_t mid = a1 * b0 + ((a0 * b0) >> 32), low = a0 * b1 + (mid & 0xffffffffu);
    return a1 * b1 + (mid >> 32) + (low >> 32);
}

// floor(sum * p) for top_p in (0, 1), p as in the table above: the share that top_p keeps.
AFS_HD inline uint64_t sample_top_p_cut(uint64_t sum, float top_p) {
    const uint64_t share = static_cast<uint64_t>(static_cast<double>(top_p) * 4294967296.0);
    const uint64_t cut = sample_mulhi(sum, share << 32);
    return cut ? cut : 1;
}
// floor(2^32 * min_p), at most the largest weight.
AFS_HD inline uint64_t sample_min_p_cut(float min_p) {
    const double scaled = static_cast<double>(min_p) * 4294967296.0;
    return scaled >= 4294967296.0 ? kSampleOne : static_cast<uint64_t>(scaled);
}

// Lowest id of the largest logit among the first n; NaN is never chosen; 0 if all are NaN.
inline int32_t sample_argmax(const float* logits, int32_t n) {
    int32_t best = 0;
    float largest = -INFINITY;
    bool found = false;
    for (int32_t i = 0; i < n; ++i)
        if (logits[i] > largest || (!found && logits[i] == largest)) {
            largest = logits[i];
            best = i;
            found = true;
        }
    return best;
}

// Scratch of sample_row, kept between calls so that nothing is allocated in a steady state.
struct SampleScratch {
    struct Candidate {
        uint64_t weight;
        int32_t id;
    };
    std::vector<Candidate> kept;
};

namespace sample_detail {

using Candidates = std::vector<SampleScratch::Candidate>;

// The order of top_k and top_p.
inline bool heavier(const SampleScratch::Candidate& a, const SampleScratch::Candidate& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
}

inline uint64_t sum_of(const Candidates& kept) {
    uint64_t sum = 0;
    for (const auto& c : kept) sum += c.weight;
    return sum;
}

inline void keep_top_k(Candidates& kept, size_t k) {
    if (k >= kept.size()) return;
    const auto end = kept.begin() + static_cast<std::ptrdiff_t>(k);
    std::nth_element(kept.begin(), end, kept.end(), heavier);
    kept.erase(end, kept.end());
}

// Sorts only as long a prefix as the sum needs: a vocabulary's tail is seldom reached.
inline void keep_top_p(Candidates& kept, float top_p) {
    const uint64_t cut = top_p > 0.0f ? sample_top_p_cut(sum_of(kept), top_p) : 1;
    uint64_t running = 0;
    size_t n = 0, sorted = 0;
    while (n < kept.size() && running < cut) {
        if (n == sorted) {
            sorted = std::min(kept.size(), std::max<size_t>(64, 8 * sorted));
            const auto begin = kept.begin() + static_cast<std::ptrdiff_t>(n);
            const auto end = kept.begin() + static_cast<std::ptrdiff_t>(sorted);
            if (end != kept.end()) std::nth_element(begin, end, kept.end(), heavier);
            std::sort(begin, end, heavier);
        }
        running += kept[n++].weight;
    }
    kept.resize(n);
}

inline void keep_min_p(Candidates& kept, float min_p) {
    const uint64_t cut = sample_min_p_cut(min_p);
    kept.erase(
        std::remove_if(kept.begin(), kept.end(), [cut](const auto& c) { return c.weight < cut; }),
        kept.end());
}

}  // namespace sample_detail

// Draws one id from logits [row.n_vocab] on the CPU; 0 where n_vocab < 1.
inline int32_t sample_row(const float* logits, const afs_row& row, SampleScratch& scratch) {
    const int32_t best = sample_argmax(logits, row.n_vocab);
    if (!(row.temperature > 0.0f) || row.n_vocab < 1) return best;
    const float max = logits[best], inv = 1.0f / row.temperature;
    auto& kept = scratch.kept;
    kept.clear();
    for (int32_t i = 0; i < row.n_vocab; ++i)
        if (const uint64_t w = sample_weight(logits[i], max, inv)) kept.push_back({w, i});
    if (row.top_k > 0) sample_detail::keep_top_k(kept, static_cast<size_t>(row.top_k));
    if (row.top_p < 1.0f) sample_detail::keep_top_p(kept, row.top_p);
    if (row.min_p > 0.0f) sample_detail::keep_min_p(kept, row.min_p);
    if (kept.empty()) return best;  // every logit is NaN
    const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
    if (!std::is_sorted(kept.begin(), kept.end(), by_id))
        std::sort(kept.begin(), kept.end(), by_id);
    const uint64_t target =
        sample_mulhi(sample_hash(row.seed, row.counter), sample_detail::sum_of(kept));
    uint64_t running = 0;
    for (const auto& c : kept)
        if ((running += c.weight) > target) return c.id;
    return kept.back().id;
}

}  // namespace afs
