// One draw of sample/1 by a block, the same id as afs::sample_row gives on the CPU: weights come
// from afs/sample.hpp, and all that follows is integer arithmetic in any order of summation.
//
// Ids are ordered by (weight descending, id ascending); what top_k and top_p keep is a prefix of
// that order, so it is one threshold: a weight, and the last id kept among those of that weight.
// The threshold's weight is found by a radix search over histograms in shared memory: first by the
// exponent and six bits below it, then nine bits at a time.
#pragma once
#include "afs/sample.hpp"
#include "kernels/element.cuh"

namespace afs::cuda {

constexpr int kDrawThreads = 1024, kDrawWarps = kDrawThreads / 32;

template <class T>
class Draw {
    static constexpr int kFirstBits = 6, kNextBits = 9;
    static constexpr int kFirstBins = 33 << kFirstBits;  // weights are at most 2^32

public:
    struct Shared {
        unsigned long long bins[kFirstBins];
        unsigned long long of_warp[kDrawWarps], found[2];
    };

    // largest: the largest of the first n logits, NaN left out.
    __device__ Draw(Shared& shared, const T* logits, int32_t n, float largest, const afs_row& row)
        : shared_(shared),
          logits_(logits),
          n_(n),
          largest_(largest),
          inverse_(1.0f / row.temperature),
          row_(row) {}

    // otherwise: where no id has a weight.
    __device__ int32_t id(int32_t otherwise) {
        if (row_.top_k > 0) {
            const uint64_t n = total([](uint64_t) { return uint64_t{1}; });
            if (static_cast<uint64_t>(row_.top_k) < n)
                cut([](uint64_t) { return uint64_t{1}; }, static_cast<uint64_t>(row_.top_k));
        }
        const auto weigh = [](uint64_t weight) { return weight; };
        if (row_.top_p < 1.0f) {
            const uint64_t sum = total(weigh);
            if (sum == 0) return otherwise;
            cut(weigh, row_.top_p > 0.0f ? sample_top_p_cut(sum, row_.top_p) : 1);
        }
        if (row_.min_p > 0.0f) least_ = sample_min_p_cut(row_.min_p);
        const uint64_t sum = total(weigh);
        if (sum == 0) return otherwise;
        const uint64_t target = sample_mulhi(sample_hash(row_.seed, row_.counter), sum);
        return first_beyond(
            [this](int32_t i, uint64_t weight) { return kept(i, weight) ? weight : 0; }, target);
    }

private:
    __device__ uint64_t weight(int32_t i) const {
        return sample_weight(widen(logits_[i]), largest_, inverse_);
    }
    __device__ bool kept(int32_t i, uint64_t weight) const {
        return (weight > threshold_ || (weight == threshold_ && i <= last_id_)) && weight >= least_;
    }

    // Sum of measure(weight) over what is kept; in every thread.
    template <class Measure>
    __device__ uint64_t total(Measure measure) {
        unsigned long long sum = 0;
        for (int32_t i = static_cast<int32_t>(threadIdx.x); i < n_; i += kDrawThreads) {
            const uint64_t w = weight(i);
            if (kept(i, w)) sum += measure(w);
        }
        return block_total(sum);
    }

    __device__ uint64_t block_total(unsigned long long x) {
        for (int lane = 16; lane > 0; lane /= 2) x += __shfl_xor_sync(0xffffffffu, x, lane);
        if (threadIdx.x % 32 == 0) shared_.of_warp[threadIdx.x / 32] = x;
        __syncthreads();
        unsigned long long sum = 0;
        for (int w = 0; w < kDrawWarps; ++w) sum += shared_.of_warp[w];
        __syncthreads();  // of_warp may be written again
        return sum;
    }

    // Moves the threshold to where the running sum of measure, in order, reaches goal (>= 1 and at
    // most the total).
    template <class Measure>
    __device__ void cut(Measure measure, uint64_t goal) {
        // First the exponent and the bits below it; then w >> shift == prefix holds for the
        // weights that are still possible.
        int shift = 0;
        uint64_t prefix = 0;
        {
            const uint64_t bin = find_bin(kFirstBins, measure, goal, [](uint64_t w) {
                const int e = 63 - __clzll(static_cast<long long>(w));
                const uint64_t below =
                    e >= kFirstBits ? w >> (e - kFirstBits) : w << (kFirstBits - e);
                return static_cast<int>((e << kFirstBits) + (below & ((1 << kFirstBits) - 1)));
            });
            const int e = static_cast<int>(bin >> kFirstBits);
            const uint64_t leading = (1u << kFirstBits) + (bin & ((1u << kFirstBits) - 1));
            shift = e > kFirstBits ? e - kFirstBits : 0;
            prefix = e > kFirstBits ? leading : leading >> (kFirstBits - e);
        }
        while (shift > 0) {
            const int bits = shift < kNextBits ? shift : kNextBits, next = shift - bits;
            const uint64_t bin = find_bin(1 << bits, measure, goal, [=](uint64_t w) {
                return w >> shift == prefix ? static_cast<int>((w >> next) & ((1u << bits) - 1))
                                            : -1;
            });
            prefix = (prefix << bits) + bin;
            shift = next;
        }
        // goal is now what those of this very weight have to bring.
        const uint64_t each = measure(prefix), n = (goal + each - 1) / each;
        const int32_t last = first_beyond(
            [=, this](int32_t i, uint64_t w) -> uint64_t { return w == prefix && kept(i, w); },
            n - 1);
        threshold_ = prefix;
        last_id_ = last;
    }

    // The bin in which the sum of measure, from the highest bin down, reaches goal; goal is lowered
    // by what lies above it. bin_of gives -1 for a weight that is out of question.
    template <class Measure, class BinOf>
    __device__ uint64_t find_bin(int n_bins, Measure measure, uint64_t& goal, BinOf bin_of) {
        for (int b = static_cast<int>(threadIdx.x); b < n_bins; b += kDrawThreads)
            shared_.bins[b] = 0;
        __syncthreads();
        for (int32_t i = static_cast<int32_t>(threadIdx.x); i < n_; i += kDrawThreads) {
            const uint64_t w = weight(i);
            if (!kept(i, w)) continue;
            if (const int bin = bin_of(w); bin >= 0)
                atomicAdd(&shared_.bins[bin], static_cast<unsigned long long>(measure(w)));
        }
        __syncthreads();
        if (threadIdx.x < 32) {  // lane 0 has the highest bins
            const int lane = static_cast<int>(threadIdx.x), share = (n_bins + 31) / 32;
            const int high = n_bins - 1 - lane * share;
            unsigned long long own = 0;
            for (int b = high; b > high - share && b >= 0; --b) own += shared_.bins[b];
            unsigned long long until = own;  // of this lane and those before it
            for (int step = 1; step < 32; step *= 2) {
                const unsigned long long before = __shfl_up_sync(0xffffffffu, until, step);
                if (lane >= step) until += before;
            }
            if (until >= goal && until - own < goal) {
                unsigned long long above = until - own;
                int b = high;
                while (above + shared_.bins[b] < goal) above += shared_.bins[b--];
                shared_.found[0] = static_cast<unsigned long long>(b);
                shared_.found[1] = above;
            }
        }
        __syncthreads();
        goal -= shared_.found[1];
        const uint64_t bin = shared_.found[0];
        __syncthreads();  // found and bins may be written again
        return bin;
    }

    // The first id, ascending, at which the running sum of f(id, weight) exceeds target. Each warp
    // has a stretch of ids.
    template <class F>
    __device__ int32_t first_beyond(F f, uint64_t target) {
        const int warp = static_cast<int>(threadIdx.x / 32),
                  lane = static_cast<int>(threadIdx.x % 32);
        const int32_t stretch = (n_ + kDrawThreads - 1) / kDrawThreads * 32;
        const int32_t begin = min(n_, warp * stretch), end = min(n_, begin + stretch);
        unsigned long long own = 0;
        for (int32_t i = begin + lane; i < end; i += 32) own += f(i, weight(i));
        for (int step = 16; step > 0; step /= 2) own += __shfl_xor_sync(0xffffffffu, own, step);
        if (lane == 0) shared_.of_warp[warp] = own;
        __syncthreads();
        unsigned long long before = 0;
        for (int w = 0; w < warp; ++w) before += shared_.of_warp[w];
        if (before <= target && before + own > target)
            for (int32_t i = begin; i < end; i += 32) {
                unsigned long long until = i + lane < end ? f(i + lane, weight(i + lane)) : 0;
                for (int step = 1; step < 32; step *= 2) {
                    const unsigned long long left = __shfl_up_sync(0xffffffffu, until, step);
                    if (lane >= step) until += left;
                }
                const unsigned beyond = __ballot_sync(0xffffffffu, before + until > target);
                if (beyond != 0) {
                    if (lane == 0)
                        shared_.found[0] = static_cast<unsigned long long>(
                            i + __ffs(static_cast<int>(beyond)) - 1);
                    break;
                }
                before += __shfl_sync(0xffffffffu, until, 31);
            }
        __syncthreads();
        const auto id = static_cast<int32_t>(shared_.found[0]);
        __syncthreads();  // found and of_warp may be written again
        return id;
    }

    Shared& shared_;
    const T* logits_;
    int32_t n_;
    float largest_, inverse_;
    const afs_row& row_;
    uint64_t threshold_ = 0, least_ = 1;
    int32_t last_id_ = -1;
};

}  // namespace afs::cuda
