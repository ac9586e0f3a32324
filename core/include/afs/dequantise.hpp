// Block formats to fp32, as ggml defines them: a scale (fp16) times a small integer, some plus a
// minimum. The product of scale, sub-scale and integer has at most 24 bits and is exact in fp32, so
// each value is rounded at most once, in the last addition, and has the same bits with and without
// fused multiply-add. The tests compare every format bit for bit with PyPI's gguf. C++17.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "afs/numeric.hpp"

// So that a caller that is compiled for wide vectors decodes with them.
#define AFS_INLINE inline __attribute__((always_inline))

namespace afs {

namespace blocks {

AFS_INLINE float f16_at(const uint8_t* bytes) {
    f16 value;
    std::memcpy(&value, bytes, sizeof value);
    return to_float(value);
}

// d * (q - 8): low nibbles are elements 0..15, high ones 16..31.
AFS_INLINE void q4_0(const uint8_t* block, float* __restrict to) {
    const float d = f16_at(block);
    const uint8_t* q = block + 2;
    for (int i = 0; i < 16; ++i) {
        to[i] = d * static_cast<float>((q[i] & 15) - 8);
        to[i + 16] = d * static_cast<float>((q[i] >> 4) - 8);
    }
}

// d * q + m
AFS_INLINE void q4_1(const uint8_t* block, float* __restrict to) {
    const float d = f16_at(block), m = f16_at(block + 2);
    const uint8_t* q = block + 4;
    for (int i = 0; i < 16; ++i) {
        to[i] = d * static_cast<float>(q[i] & 15) + m;
        to[i + 16] = d * static_cast<float>(q[i] >> 4) + m;
    }
}

// The five-bit codes of 32 elements: four bits as in q4_0, the fifth is bit i of a little-endian
// word. In loops of their own, which compilers turn into vectors.
AFS_INLINE void five_bits(const uint8_t* high, const uint8_t* low, int* __restrict codes) {
    const uint32_t word = static_cast<uint32_t>(high[0]) | static_cast<uint32_t>(high[1]) << 8 |
                          static_cast<uint32_t>(high[2]) << 16 |
                          static_cast<uint32_t>(high[3]) << 24;
    for (int i = 0; i < 16; ++i) codes[i] = low[i] & 15;
    for (int i = 0; i < 16; ++i) codes[i + 16] = low[i] >> 4;
    for (int i = 0; i < 32; ++i) codes[i] |= static_cast<int>(word >> i & 1) << 4;
}

// d * (q - 16)
AFS_INLINE void q5_0(const uint8_t* block, float* __restrict to) {
    const float d = f16_at(block);
    int q[32];
    five_bits(block + 2, block + 6, q);
    for (int i = 0; i < 32; ++i) to[i] = d * static_cast<float>(q[i] - 16);
}

// d * q + m
AFS_INLINE void q5_1(const uint8_t* block, float* __restrict to) {
    const float d = f16_at(block), m = f16_at(block + 2);
    int q[32];
    five_bits(block + 4, block + 8, q);
    for (int i = 0; i < 32; ++i) to[i] = d * static_cast<float>(q[i]) + m;
}

// d * q, q signed
AFS_INLINE void q8_0(const uint8_t* block, float* __restrict to) {
    const float d = f16_at(block);
    const uint8_t* q = block + 2;
    for (int i = 0; i < 32; ++i) to[i] = d * static_cast<float>(static_cast<int8_t>(q[i]));
}

// The j-th of 8 six-bit scales and minima packed into 12 bytes: 0..3 in the low six bits of bytes
// j and j + 4; 4..7 have four bits in byte j + 4 and two more at the top of bytes j - 4 and j.
AFS_INLINE void k_scale_min(const uint8_t* packed, int j, int& scale, int& minimum) {
    if (j < 4) {
        scale = packed[j] & 63;
        minimum = packed[j + 4] & 63;
    } else {
        scale = (packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4;
        minimum = (packed[j + 4] >> 4) | (packed[j] >> 6) << 4;
    }
}

// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result): offsets in a block, below 256.
// d * scale * q - dmin * minimum: 8 groups of 32, two groups to 32 bytes of nibbles.
AFS_INLINE void q4_k(const uint8_t* block, float* __restrict to) {
    const float d = f16_at(block), dmin = f16_at(block + 2);
    for (int j = 0; j < 8; ++j) {
        int scale, minimum;
        k_scale_min(block + 4, j, scale, minimum);
        const float factor = d * static_cast<float>(scale), m = dmin * static_cast<float>(minimum);
        const uint8_t* q = block + 16 + j / 2 * 32;
        const int shift = j % 2 * 4;
        for (int i = 0; i < 32; ++i)
            to[j * 32 + i] = factor * static_cast<float>(q[i] >> shift & 15) - m;
    }
}

// As q4_k, with a fifth bit: bit j of byte i is that of element i of group j.
AFS_INLINE void q5_k(const uint8_t* block, float* __restrict to) {
    const float d = f16_at(block), dmin = f16_at(block + 2);
    const uint8_t* high = block + 16;
    for (int j = 0; j < 8; ++j) {
        int scale, minimum;
        k_scale_min(block + 4, j, scale, minimum);
        const float factor = d * static_cast<float>(scale), m = dmin * static_cast<float>(minimum);
        const uint8_t* q = block + 48 + j / 2 * 32;
        const int shift = j % 2 * 4;
        for (int i = 0; i < 32; ++i)
            to[j * 32 + i] =
                factor * static_cast<float>((q[i] >> shift & 15) | (high[i] >> j & 1) << 4) - m;
    }
}

// d * scale * (q - 32), a signed scale for every 16 elements. Two halves of 128, in each four runs
// of 32 that share 64 bytes of nibbles and 32 bytes of bit pairs.
AFS_INLINE void q6_k(const uint8_t* block, float* __restrict to) {
    const float d = f16_at(block + 208);
    for (int half = 0; half < 2; ++half)
        for (int group = 0; group < 2; ++group) {
            const uint8_t* low = block + half * 64 + group * 16;
            const uint8_t* high = block + 128 + half * 32 + group * 16;
            float* out = to + half * 128 + group * 16;
            for (int run = 0; run < 4; ++run) {
                const auto scale = static_cast<int8_t>(block[192 + half * 8 + run * 2 + group]);
                const float factor = d * static_cast<float>(scale);
                for (int i = 0; i < 16; ++i) {
                    const int q =
                        (low[run % 2 * 32 + i] >> run / 2 * 4 & 15) | (high[i] >> run * 2 & 3) << 4;
                    out[run * 32 + i] = factor * static_cast<float>(q - 32);
                }
            }
        }
}
// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)

template <auto kBlock>
AFS_INLINE void each(const BlockFormat& format, const void* from, float* to, size_t n) {
    const auto* bytes = static_cast<const uint8_t*>(from);
    for (size_t i = 0; i < n; i += format.elements, bytes += format.bytes) kBlock(bytes, to + i);
}

}  // namespace blocks

// The n values of whole blocks, any alignment. False: not a block format that is known here.
AFS_INLINE bool dequantise(int32_t dtype, const void* from, float* to, size_t n) {
    const BlockFormat* format = block_format(dtype);
    if (!format || n % format->elements != 0) return false;
    switch (dtype) {
        case AFS_Q4_0: blocks::each<blocks::q4_0>(*format, from, to, n); return true;
        case AFS_Q4_1: blocks::each<blocks::q4_1>(*format, from, to, n); return true;
        case AFS_Q5_0: blocks::each<blocks::q5_0>(*format, from, to, n); return true;
        case AFS_Q5_1: blocks::each<blocks::q5_1>(*format, from, to, n); return true;
        case AFS_Q8_0: blocks::each<blocks::q8_0>(*format, from, to, n); return true;
        case AFS_Q4_K: blocks::each<blocks::q4_k>(*format, from, to, n); return true;
        case AFS_Q5_K: blocks::each<blocks::q5_k>(*format, from, to, n); return true;
        default: blocks::each<blocks::q6_k>(*format, from, to, n); return true;
    }
}

}  // namespace afs

#undef AFS_INLINE
