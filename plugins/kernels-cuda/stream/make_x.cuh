// The vector of a product from what comes before it (see stream.hpp): norms and residual in
// registers, by the first 256 threads of a block.
#pragma once
#include "kernels/overlap.cuh"
#include "kernels/reduce.cuh"
#include "stream/page.hpp"
#include "stream/stream.hpp"

namespace afs::cuda {

constexpr int kMakingWarps = 8, kMakingThreads = 32 * kMakingWarps;

// The warps that make x, alone.
__device__ inline void sync_makers() {
    asm volatile("bar.sync 1, %0;" ::"n"(kMakingThreads) : "memory");
}

struct SumsOfWarps {
    float at[2][kMakingWarps];
};
// In every thread; use: 0 for a block's first such sum, 1 for its second.
__device__ inline float sum_of_warps(float x, int use, SumsOfWarps& sums) {
    x = warp_sum(x);
    if (threadIdx.x % 32 == 0) sums.at[use][threadIdx.x / 32] = x;
    sync_makers();
    float sum = 0;
#pragma unroll
    for (int w = 0; w < kMakingWarps; ++w) sum += sums.at[use][w];
    return sum;
}

// x is made in chunks of 8 elements, chunk c by thread c % kMakingThreads, kHeld of them at a time
// in registers. A vector that is normed has to fit into one such round.
constexpr int kFewHeld = 2, kMostHeld = 3;
static_assert(8 * kMostHeld * kMakingThreads == kStreamMaxNormed);
constexpr int kMostPlain = 6;  // at a time, of a vector that is only copied

template <class T, int kHeld>
struct Held {
    uint4 at[kHeld];

    // Chunks beyond the columns are zeros.
    template <class Load>
    __device__ void load_from(const void* from, int first, int chunks, Load load) {
#pragma unroll
        for (int i = 0; i < kHeld; ++i) {
            const int c = first + i * kMakingThreads;
            at[i] = from && c < chunks ? load(static_cast<const uint4*>(from) + c) : uint4{};
        }
    }
    __device__ void store_to(void* to, int first, int chunks) const {
#pragma unroll
        for (int i = 0; i < kHeld; ++i)
            if (first + i * kMakingThreads < chunks)
                static_cast<uint4*>(to)[first + i * kMakingThreads] = at[i];
    }
    __device__ float squares() const {
        float sum = 0;
#pragma unroll
        for (const uint4& chunk : at) {
            float x[8];
            unpack<T>(chunk, x);
#pragma unroll
            for (const float each : x) sum += each * each;
        }
        return sum;
    }
    __device__ void scale(const Held& weight, const StreamNorm& norm, float r) {
#pragma unroll
        for (int i = 0; i < kHeld; ++i) {
            float x[8], w[8];
            unpack<T>(at[i], x);
            unpack<T>(weight.at[i], w);
#pragma unroll
            for (float& each : x) each *= r;
            if (!norm.weight_before_cast) unpack<T>(pack<T>(x), x);
#pragma unroll
            for (int e = 0; e < 8; ++e) x[e] *= w[e];
            at[i] = pack<T>(x);
        }
    }
    __device__ void add(const Held& other) {
#pragma unroll
        for (int i = 0; i < kHeld; ++i) {
            float x[8], y[8];
            unpack<T>(at[i], x);
            unpack<T>(other.at[i], y);
#pragma unroll
            for (int e = 0; e < 8; ++e) x[e] += y[e];
            at[i] = pack<T>(x);
        }
    }
};

__device__ inline float inverse_rms(float squares, int columns, const StreamNorm& norm) {
    return 1.0f / sqrtf(squares / static_cast<float>(columns) + norm.eps);
}

// The vector, with zeros behind its columns up to `padded`. The (first) norm's weight is fetched
// before the kernel before is waited for. A rehearsal goes through the code alone: it waits for
// nobody, reads zeros and stores no sum.
template <class T, int kHeld>
__device__ void make_x(const StreamInput& in, int columns, int padded_columns, T* x,
                       bool stores_sum, SumsOfWarps& sums, bool rehearsal = false) {
    const int chunks = columns / 8, tid = static_cast<int>(threadIdx.x);
    const int padded = padded_columns / 8;
    const auto fresh = [](const uint4* from) { return fresh_load16(from); };
    const auto constant = [](const uint4* from) { return __ldg(from); };
    const void* const input = rehearsal ? nullptr : in.input;
    if (kHeld == kFewHeld && !in.is_made()) {
        Held<T, kMostPlain> plain;
        if (!rehearsal) wait_for_previous();
#pragma unroll 1
        for (int first = tid; first < padded; first += kMostPlain * kMakingThreads) {
            plain.load_from(input, first, chunks, fresh);
            plain.store_to(x, first, padded);
        }
        return sync_makers();
    }
    Held<T, kHeld> value, weight, residual;
    const bool normed_twice = in.post.weight && in.norm.weight;
    weight.load_from(in.post.weight ? in.post.weight : in.norm.weight, tid, chunks, constant);
    if (!rehearsal) wait_for_previous();
    value.load_from(input, tid, chunks, fresh);
    residual.load_from(rehearsal ? nullptr : in.residual, tid, chunks, fresh);
    if (in.post.weight) {
        const float squares = sum_of_warps(value.squares(), 0, sums);
        value.scale(weight, in.post, inverse_rms(squares, columns, in.post));
    }
    if (normed_twice) weight.load_from(in.norm.weight, tid, chunks, constant);
    if (in.residual) {
        value.add(residual);
        if (in.sum && stores_sum && !rehearsal)
            value.store_to(static_cast<T*>(in.sum), tid, chunks);
    }
    if (in.norm.weight) {
        const float squares = sum_of_warps(value.squares(), 1, sums);
        value.scale(weight, in.norm, inverse_rms(squares, columns, in.norm));
    }
    value.store_to(x, tid, padded);
    sync_makers();
}

}  // namespace afs::cuda
