// bf16 and fp16 as bits, converted round-to-nearest-even: the one place for these rules on the CPU.
// Names and sizes of dtypes. C++17.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "afs/abi/tensor.h"
#include "afs/block_format.hpp"

namespace afs {

struct bf16 {
    uint16_t bits;
};
struct f16 {
    uint16_t bits;
};

inline uint32_t float_bits(float x) {
    uint32_t u;
    std::memcpy(&u, &x, sizeof u);
    return u;
}
inline float bits_float(uint32_t u) {
    float x;
    std::memcpy(&x, &u, sizeof x);
    return x;
}

inline float to_float(float x) {
    return x;
}
inline float to_float(bf16 x) {
    return bits_float(static_cast<uint32_t>(x.bits) << 16);
}
inline float to_float(f16 x) {  // without branches: loops over it are vectorised
    const uint32_t sign = static_cast<uint32_t>(x.bits & 0x8000u) << 16;
    const uint32_t body = static_cast<uint32_t>(x.bits & 0x7fffu) << 13;
    const uint32_t scaled = float_bits(bits_float(body) * 0x1p112f);  // exact, subnormals too
    return bits_float(sign | scaled | (body >= 0x0f800000u ? 0x7f800000u : 0u));  // inf and NaN
}

inline bf16 to_bf16(float x) {
    const uint32_t u = float_bits(x);
    if ((u & 0x7fffffffu) > 0x7f800000u)  // NaN stays NaN, quiet
        return bf16{static_cast<uint16_t>((u >> 16) | 0x40u)};
    return bf16{static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16)};
}
inline f16 to_f16(float x) {
    const uint32_t u = float_bits(x), sign = (u >> 16) & 0x8000u, a = u & 0x7fffffffu;
    if (a > 0x7f800000u) return f16{static_cast<uint16_t>(sign | 0x7e00u | ((a >> 13) & 0x3ffu))};
    if (a >= 0x477ff000u) return f16{static_cast<uint16_t>(sign | 0x7c00u)};  // >= 65520: infinity
    if (a < 0x38800000u) {  // below 2^-14: in units of 2^-24, rounded to even by the addition
        const float shifted = bits_float(a) + 0.5f;
        return f16{static_cast<uint16_t>(sign | (float_bits(shifted) - 0x3f000000u))};
    }
    const uint32_t rounded = a + 0xfffu + ((a >> 13) & 1u);
    return f16{static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13))};
}

// Round a value to an element type and back: what storing it would keep.
template <class T>
inline T from_float(float x);
template <>
inline float from_float<float>(float x) {
    return x;
}
template <>
inline bf16 from_float<bf16>(float x) {
    return to_bf16(x);
}
template <>
inline f16 from_float<f16>(float x) {
    return to_f16(x);
}

// Bytes of one element; 0 for block formats (ask dtype_bytes) and unknown types.
inline size_t dtype_size(int32_t dtype) {
    switch (dtype) {
        case AFS_F32:
        case AFS_I32: return 4;
        case AFS_BF16:
        case AFS_F16: return 2;
        case AFS_F64: return 8;
        default: return 0;
    }
}
inline const char* dtype_name(int32_t dtype) {
    switch (dtype) {
        case AFS_F32: return "fp32";
        case AFS_I32: return "int32";
        case AFS_BF16: return "bf16";
        case AFS_F16: return "fp16";
        case AFS_F64: return "fp64";
        case AFS_I16: return "int16";
        case AFS_DTYPE_NONE: return "none";
        default: return block_format(dtype) ? block_format(dtype)->name : "unknown";
    }
}
// Bytes of n consecutive elements. Of a block format: of the whole blocks in them.
inline uint64_t dtype_bytes(int32_t dtype, uint64_t n) {
    const BlockFormat* block = block_format(dtype);
    return block ? n / block->elements * block->bytes : n * dtype_size(dtype);
}

}  // namespace afs
