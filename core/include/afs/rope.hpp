// The one definition of rope/1's frequencies: kernels, judges and devices take these bits, since at
// position 131071 one ulp of inv_freq turns a pair by 0.008 rad. C++17, host only.
//
//   inv_freq[j] = 1 / theta^(2j/head_dim); the exponent, the power and the quotient are each
//   rounded to fp32 (as HF transformers computes it), then llama3-scaled in fp32 where asked for.
//   angle(position, j) = fp32(position) * inv_freq[j], one fp32 product, whatever the dtype of the
//   activations: the angle belongs to the op, its cosine to the kernel.
#pragma once
#include <cmath>

#include "afs/abi/graph.h"

namespace afs {

inline float rope_llama3_scaled(float inv, const afs_rope_params& p) {
    const float original = static_cast<float>(p.original_max_position);
    const float wavelength = static_cast<float>(2 * 3.141592653589793) / inv;
    if (wavelength > original / p.low_freq_factor) return inv / p.factor;
    if (wavelength < original / p.high_freq_factor) return inv;
    const float smooth =
        (original / wavelength - p.low_freq_factor) / (p.high_freq_factor - p.low_freq_factor);
    return (1.0f - smooth) * inv / p.factor + smooth * inv;
}

// j in [0, head_dim / 2)
inline float rope_inv_freq(const afs_rope_params& p, uint32_t j) {
    const float exponent = static_cast<float>(2 * j) / static_cast<float>(p.head_dim);
    const double power =
        std::pow(static_cast<double>(static_cast<float>(p.theta)), static_cast<double>(exponent));
    const float inv = 1.0f / static_cast<float>(power);
    return p.scaling == AFS_ROPE_LLAMA3 ? rope_llama3_scaled(inv, p) : inv;
}

inline float rope_angle(int32_t position, float inv_freq) {
    return static_cast<float>(position) * inv_freq;
}

}  // namespace afs
