// Whose turn it is to ask for pages. A launch that starts early finds the one before it on the same
// SM: what it asked for then would only be in that one's way, and its ring would be full long
// before the vector is there. So it begins when that one has asked for its last page, and the
// memory works on while the last sums are added up and the vector is made. Only a hint: what SM a
// block runs on and when it sees a count changes no result, and who has waited too long begins.
#pragma once
#include "stream/stream.hpp"

namespace afs::cuda {

struct Turn {
    const StreamTurns& turns;
    uint32_t sm;

    // This block has pages to ask for.
    __device__ explicit Turn(const StreamTurns& of) : turns(of) {
        asm volatile("mov.u32 %0, %%smid;" : "=r"(sm));
        sm %= kTurnSms;
        add(1);
    }
    __device__ void wait() const {
        if (!turns.before) return;
#pragma unroll 1
        for (int tries = 0; tries < 1 << 20; ++tries) {
            uint32_t asking;
            asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];"
                         : "=r"(asking)
                         : "l"(turns.before + sm)
                         : "memory");
            if (asking == 0) return;
        }
    }
    // It has asked for the last.
    __device__ void end() const {
        add(-1);
    }

private:
    __device__ void add(int n) const {
        if (turns.own)
            asm volatile("red.relaxed.gpu.global.add.u32 [%0], %1;" ::"l"(turns.own + sm), "r"(n)
                         : "memory");
    }
};

}  // namespace afs::cuda
