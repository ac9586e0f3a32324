// RoPE's frequencies as a launch takes them: the host's bits (afs/rope.hpp).
#pragma once
#include "afs/rope.hpp"

namespace afs::cuda {

constexpr uint32_t kRopeMaxHeadDim = 512;

struct RopeFrequencies {
    float inv_freq[kRopeMaxHeadDim / 2];
};

inline RopeFrequencies rope_frequencies(const afs_rope_params& params) {
    RopeFrequencies made{};
    for (uint32_t j = 0; j < params.head_dim / 2 && j < kRopeMaxHeadDim / 2; ++j)
        made.inv_freq[j] = rope_inv_freq(params, j);
    return made;
}

}  // namespace afs::cuda
