// Which instructions this machine may run: what the processor offers and what the operating system
// keeps across task switches. No code above baseline x86-64 is entered before this was asked.
#pragma once
#include <string>

#include "afs/status.hpp"

namespace afs::cpu {

// Ascending: each needs all that the ones before it need.
enum class InstructionSet { portable, avx2, avx512, amx };

struct Processor {
    bool avx2 = false, fma = false, f16c = false;
    bool avx512f = false, avx512bw = false, avx512dq = false, avx512vl = false;
    bool avx512_vnni = false, avx512_bf16 = false;
    bool amx_tile = false, amx_bf16 = false, amx_int8 = false;
    // Of Intel, whose dot products of bf16 pairs take about twice as long as the same in fp32
    // (docs/PERFORMANCE.md).
    bool slow_bf16_dots = false;
    // Registers that the system saves: 256-bit, 512-bit with masks, tiles.
    bool saves_ymm = false, saves_zmm = false, saves_tiles = false;
};

// Asks cpuid and XCR0, changes nothing.
Processor this_processor();

// The tiles' state is large: Linux gives it to a process on request. Empty, or why it is refused.
std::string request_tiles();

struct Choice {
    InstructionSet set = InstructionSet::portable;
    bool bf16_dots = false;  // with avx512 and above: that they are used
    std::string reason;      // what it needs and has, and what the next better one lacks
};

const char* name_of(InstructionSet set);

// wanted: a name, or "auto" for the best. An error says what a wanted one lacks.
Result<Choice> choose(const Processor& processor, const std::string& wanted,
                      std::string (*tiles)() = request_tiles);

}  // namespace afs::cpu
