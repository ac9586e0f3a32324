// What a warp of attention_decode does with 16 positions of the cache: scores = K q and sums = V^T
// p on tensor cores, with the query heads of a kv head (up to 8) on the n side. A lane loads 16
// bytes of a position straight into the registers that the products want; V's are transposed there
// (movmatrix). Probabilities go into their product as the sum of several numbers of the cache's
// dtype, so that nothing is lost.
#pragma once
#include "kernels/mma.cuh"
#include "kernels/rows.cuh"
#include "ops/attention/partial.cuh"
#include "ops/attention/parts.cuh"

namespace afs::cuda {

__device__ inline uint32_t transposed(uint32_t x) {
    uint32_t y;
    asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(y) : "r"(x));
    return y;
}

// One side of a warp's 16 positions: a lane has 8 neighbouring dimensions of each 32, of positions
// lane / 4 and 8 more. As the products see it, that permutes the dimensions, alike in q.
template <int kHeadDim>
struct Side {
    uint4 low[kHeadDim / 32], high[kHeadDim / 32];

    // Each 8 x 8 of positions by dimensions; twice is nothing.
    __device__ void transpose() {
#pragma unroll
        for (int c = 0; c < kHeadDim / 32; ++c) {
            low[c] = {transposed(low[c].x), transposed(low[c].y), transposed(low[c].z),
                      transposed(low[c].w)};
            high[c] = {transposed(high[c].x), transposed(high[c].y), transposed(high[c].z),
                       transposed(high[c].w)};
        }
    }
};

// What a warp has summed up. A lane's heads are 2 * (lane % 4) and the next; the dimensions of
// sums[2 * c + i] are dim_of(c, i) and 2 more.
template <class T, int kHeadDim>
struct Sums {
    static constexpr int kChunks = kHeadDim / 32;
    Partial part[2];
    float sums[2 * kChunks][4];

    __device__ static int dim_of(int chunk, int i) {
        const int row = static_cast<int>(threadIdx.x) % 32 / 4;
        return chunk * 32 + row / 2 * 8 + row % 2 + i * 4;
    }
    __device__ void clear() {
        part[0] = part[1] = {-INFINITY, 0};
#pragma unroll
        for (auto& each : sums)
#pragma unroll
            for (float& x : each) x = 0;
    }

    // scores[0..1]: of position lane / 4, [2..3]: 8 more; times scale * log2(e), -inf where the
    // position does not count. Makes them probabilities under the new maximum.
    __device__ void weigh(float (&scores)[4]) {
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            float m = fmaxf(scores[h], scores[h + 2]);
#pragma unroll
            for (int step = 4; step < 32; step *= 2)
                m = fmaxf(m, __shfl_xor_sync(0xffffffffu, m, step));
            m = fmaxf(m, part[h].m);
            const float keep = worth(part[h].m, m);
            scores[h] = worth(scores[h], m);
            scores[h + 2] = worth(scores[h + 2], m);
            part[h] = {m, part[h].l * keep + scores[h] + scores[h + 2]};
#pragma unroll
            for (auto& each : sums) each[h] *= keep, each[h + 2] *= keep;
        }
    }

    // v: transposed.
    __device__ void add(float (&weights)[4], const Side<kHeadDim>& v) {
#pragma unroll
        for (int i = 0; i < kParts<T>; ++i) {
            const uint32_t b0 = transposed(pack<T>(weights[0], weights[1]));
            const uint32_t b1 = transposed(pack<T>(weights[2], weights[3]));
#pragma unroll
            for (float& weight : weights) weight -= rounded<T>(weight);  // what is left of it
#pragma unroll
            for (int c = 0; c < kChunks; ++c) {
                const uint32_t left[4] = {v.low[c].x, v.low[c].y, v.high[c].x, v.high[c].y};
                const uint32_t right[4] = {v.low[c].z, v.low[c].w, v.high[c].z, v.high[c].w};
                mma(T{}, sums[2 * c], left, b0, b1);
                mma(T{}, sums[2 * c + 1], right, b0, b1);
            }
        }
    }

    // Into shared memory; a head's l is still spread over the lanes of its positions.
    template <class Shared>
    __device__ void put(Shared& s) const {
        const int warp = static_cast<int>(threadIdx.x) / 32,
                  lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            float l = part[h].l;
#pragma unroll
            for (int step = 4; step < 32; step *= 2) l += __shfl_xor_sync(0xffffffffu, l, step);
            const int head = lane % 4 * 2 + h;
            if (lane < 4) s.part[warp][head] = {part[h].m, l};
#pragma unroll
            for (int i = 0; i < 2 * kChunks; ++i) {
                const int dim = dim_of(i / 2, i % 2);
                s.sum[warp][head][dim] = sums[i][h];
                s.sum[warp][head][dim + 2] = sums[i][h + 2];
            }
        }
    }
};

// q: a lane's part of its head, in shared memory.
template <class T, int kHeadDim>
__device__ void score(const Side<kHeadDim>& k, const T* q_part, float (&scores)[4]) {
    float other[4] = {};
#pragma unroll
    for (int c = 0; c < kHeadDim / 32; ++c) {
        const uint4 q = *reinterpret_cast<const uint4*>(q_part + c * 32);
        const uint32_t left[4] = {k.low[c].x, k.high[c].x, k.low[c].y, k.high[c].y};
        const uint32_t right[4] = {k.low[c].z, k.high[c].z, k.low[c].w, k.high[c].w};
        mma(T{}, scores, left, q.x, q.y);
        mma(T{}, other, right, q.z, q.w);
    }
#pragma unroll
    for (int e = 0; e < 4; ++e) scores[e] += other[e];
}

}  // namespace afs::cuda
