// Random weights in a block format: every code equally likely, scales such that the values have
// about the deviation asked for and a mean near 0. Any bits are a valid block.
#pragma once
#include <cstdint>
#include <random>
#include <vector>

#include "afs/numeric.hpp"

namespace afs::conformance {

// n elements, whole blocks.
inline std::vector<uint8_t> random_blocks(int32_t dtype, size_t n, double deviation,
                                          uint32_t seed) {
    const BlockFormat& format = *block_format(dtype);
    std::mt19937 random(seed);
    std::vector<uint8_t> bytes(dtype_bytes(dtype, n));
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    // std's distributions differ from one library to another
    const auto spread = [](std::mt19937& bits) {
        return 0.5 + static_cast<double>(bits()) * 0x1p-32;
    };
    for (size_t at = 0; at < bytes.size(); at += format.bytes) {
        const auto scale = [&](size_t offset, double value) {
            const f16 half = to_f16(static_cast<float>(value * spread(random)));
            std::memcpy(&bytes[at + offset], &half, sizeof half);
        };
        switch (dtype) {  // deviation of the codes; their mean, which the minimum takes away
            case AFS_Q4_0: scale(0, deviation / 4.6); break;
            case AFS_Q4_1: scale(0, deviation / 4.6), scale(2, -7.5 * deviation / 4.6); break;
            case AFS_Q5_0: scale(0, deviation / 9.2); break;
            case AFS_Q5_1: scale(0, deviation / 9.2), scale(2, -15.5 * deviation / 9.2); break;
            case AFS_Q8_0: scale(0, deviation / 74); break;
            case AFS_Q4_K: scale(0, deviation / 166), scale(2, 7.5 * deviation / 166); break;
            case AFS_Q5_K: scale(0, deviation / 331), scale(2, 15.5 * deviation / 331); break;
            default: scale(208, deviation / (74 * 18.5)); break;
        }
    }
    return bytes;
}

}  // namespace afs::conformance
