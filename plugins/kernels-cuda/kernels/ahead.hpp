// Weights that the next launch reads, brought into the L2 cache while memory is idle: who asks for
// them waits for nothing.
#pragma once
#include <cstdint>

namespace afs::cuda {

constexpr int kAheadRanges = 3;

struct Ahead {
    const char* at[kAheadRanges];  // on 16 bytes
    uint32_t bytes[kAheadRanges];  // multiples of 16; 0: none
};

}  // namespace afs::cuda
