// What the blocks of a launch tell each other on the way: words of 64 bits in global memory whose
// upper half says which launch wrote them. Whoever reads one again until it is of this launch needs
// no fence; a count of writers, polled by one thread, keeps the others from polling while the
// weights are on their way.
#pragma once
#include <cstdint>

namespace afs::cuda {

struct Words {
    uint32_t launch;  // this one's number, from 1 on, alike in all blocks

    // From a word that this block writes once a launch.
    __device__ static uint32_t next_launch(const uint64_t* own) {
        return static_cast<uint32_t>(load(own) >> 32) + 1;
    }
    __device__ void put(uint64_t* to, uint32_t value) const {
        asm volatile("st.relaxed.gpu.global.u64 [%0], %1;" ::"l"(to),
                     "l"(uint64_t{launch} << 32 | value)
                     : "memory");
    }
    __device__ void put(uint64_t* to, float value) const { put(to, __float_as_uint(value)); }
    // Its words are as if they had not been written.
    __device__ Words rehearsal() const { return {launch - 1}; }

    // any: a rehearsal's, of whatever launch.
    __device__ uint32_t get(const uint64_t* from, bool any = false) const {
        uint64_t word = 0;
#pragma unroll 1
        for (int tries = 0;; ++tries) {
            word = load(from);
            if (any || static_cast<uint32_t>(word >> 32) == launch)
                return static_cast<uint32_t>(word);
            if (tries == 1 << 26) __trap();
        }
    }
    __device__ float get_float(const uint64_t* from, bool any = false) const {
        return __uint_as_float(get(from, any));
    }
    // Several that are asked for together; 0 where none is wanted.
    template <int kCount>
    __device__ void get_all(const uint64_t* const (&from)[kCount], const bool (&wanted)[kCount],
                            bool any, uint32_t (&out)[kCount]) const {
#pragma unroll 1
        for (int tries = 0;; ++tries) {
            uint64_t word[kCount];
#pragma unroll
            for (int i = 0; i < kCount; ++i) word[i] = wanted[i] ? load(from[i]) : 0;
            bool all = true;
#pragma unroll
            for (int i = 0; i < kCount; ++i) {
                all = all && (any || !wanted[i] || static_cast<uint32_t>(word[i] >> 32) == launch);
                out[i] = static_cast<uint32_t>(word[i]);
            }
            if (all) return;
            if (tries == 1 << 26) __trap();
        }
    }

    // One of n writers of a launch is through.
    __device__ static void count(uint32_t* counter) {
        asm volatile("red.relaxed.gpu.global.add.u32 [%0], 1;" ::"l"(counter) : "memory");
    }
    // Until all n are, or nearly so.
    __device__ void wait_for(const uint32_t* counter, uint32_t n) const {
        uint32_t there = 0;
#pragma unroll 1
        for (int tries = 0; tries < 1 << 26; ++tries) {
            asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];"
                         : "=r"(there)
                         : "l"(counter)
                         : "memory");
            if (static_cast<int32_t>(there - launch * n) >= 0) return;
        }
        __trap();
    }

private:
    __device__ static uint64_t load(const uint64_t* from) {
        uint64_t word;
        asm volatile("ld.relaxed.gpu.global.u64 %0, [%1];" : "=l"(word) : "l"(from) : "memory");
        return word;
    }
};

}  // namespace afs::cuda
