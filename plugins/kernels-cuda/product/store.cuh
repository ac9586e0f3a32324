// From a tile's sums to its outputs.
#pragma once
#include "kernels/swiglu.cuh"
#include "product/sums.cuh"

namespace afs::cuda::product {

// 8 tokens x 16 rows of a warp, transposed into rows of 64 elements, one a token, swizzled.
__device__ inline void put_transposed(uint32_t buffer, int token_group, uint32_t low,
                                      uint32_t high) {
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    const int token = token_group * 8 + lane % 8, chunk = warp % 4 * 2 + lane / 8 % 2;
    const uint32_t at = buffer + token * 128 + ((chunk ^ (token % 8)) << 4);
    asm volatile("stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%0], {%1, %2};" ::"r"(at),
                 "r"(low), "r"(high)
                 : "memory");
}

// From this group's buffer, 64 rows by a round's tokens, into an output: rows of 64 elements as 16
// bytes a thread, what lies beyond it left out.
template <class T, int kTokens>
__device__ void store_round(const Product& p, int weight, int row, int token, const char* buffer) {
    constexpr int kChunks = kGroupRows / 8, kAtOnce = kGroupThreads / kChunks;
    const int thread = static_cast<int>(threadIdx.x) % kGroupThreads, chunk = thread % kChunks;
    if (row + chunk * 8 >= p.rows[weight]) return;  // rows are a multiple of 8
    T* const to = static_cast<T*>(p.out[weight]) + row + chunk * 8;
#pragma unroll
    for (int t = thread / kChunks; t < round_tokens(kTokens); t += kAtOnce) {
        if (token + t >= p.n_tokens) return;
        *reinterpret_cast<uint4*>(to + (token + t) * p.out_stride[weight]) =
            *reinterpret_cast<const uint4*>(buffer + t * 128 + ((chunk ^ (t % 8)) << 4));
    }
}

// A round of sums into this group's buffer.
template <class T, int kTokens>
__device__ void put_round(char* buffer, int group, int round, const float (&sum)[kTokens / 2]) {
    constexpr int kEights = round_tokens(kTokens) / 8;
    sync_group(group);  // the buffer is free
#pragma unroll
    for (int j = 0; j < kEights; ++j) {
        const float* s = sum + (round * kEights + j) * 4;
        put_transposed(shared_address(buffer), j, pack<T>(s[0], s[1]), pack<T>(s[2], s[3]));
    }
    sync_group(group);
}

template <class T, int kTokens>
__device__ void store_tile(const Product& p, const Place& at, char* buffer, int group,
                           const float (&sum)[kTokens / 2]) {
#pragma unroll
    for (int round = 0; round < rounds_of(kTokens); ++round) {
        put_round<T, kTokens>(buffer, group, round, sum);
        store_round<T, kTokens>(p, at.weight, at.row + group * kGroupRows,
                                at.token + round * round_tokens(kTokens), buffer);
    }
}

// Group 0 has the gate's sums and makes the first round, group 1 up's and the second, if there is
// one.
template <class T, int kTokens>
__device__ void store_gated(const Product& p, const Place& at, char* buffers, int group,
                            const float (&sum)[kTokens / 2]) {
    constexpr int kRound = round_tokens(kTokens), kWords = kRound / 4;  // of a thread in a round
    constexpr int kBufferBytes = buffer_bytes(kTokens);
    constexpr bool kBoth = rounds_of(kTokens) == 2;
    const int thread = static_cast<int>(threadIdx.x) % kGroupThreads;
    uint32_t own[kWords];
    auto* given = reinterpret_cast<uint32_t*>(buffers + (1 - group) * kBufferBytes) + thread;
    sync_groups();
#pragma unroll
    for (int i = 0; i < kWords; ++i) {
        const uint32_t first = pack<T>(sum[2 * i], sum[2 * i + 1]);
        if constexpr (kBoth) {
            const uint32_t second = pack<T>(sum[2 * (kWords + i)], sum[2 * (kWords + i) + 1]);
            own[i] = group == 0 ? first : second;
            given[i * kGroupThreads] = group == 0 ? second : first;
        } else {
            own[i] = first;
            if (group == 1) given[i * kGroupThreads] = first;
        }
    }
    sync_groups();
    if (!kBoth && group == 1) return;
    auto* got = reinterpret_cast<uint32_t*>(buffers + group * kBufferBytes) + thread;
#pragma unroll
    for (int i = 0; i < kWords; ++i) {
        union Pair {
            uint32_t word;
            Pack<T, 2> pack;
        } a, b;
        a.word = own[i], b.word = got[i * kGroupThreads];
#pragma unroll
        for (int e = 0; e < 2; ++e) {
            const T gate = group == 0 ? a.pack.at[e] : b.pack.at[e];
            const T up = group == 0 ? b.pack.at[e] : a.pack.at[e];
            a.pack.at[e] = swiglu(gate, up);
        }
        own[i] = a.word;
    }
    sync_group(group);
    char* const buffer = buffers + group * kBufferBytes;
#pragma unroll
    for (int j = 0; j < kRound / 8; ++j)
        put_transposed(shared_address(buffer), j, own[2 * j], own[2 * j + 1]);
    sync_group(group);
    store_round<T, kTokens>(p, 0, at.row, at.token + group * kRound, buffer);
}

}  // namespace afs::cuda::product
