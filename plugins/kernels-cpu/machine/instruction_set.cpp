#include "machine/instruction_set.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace afs::cpu {
namespace {

constexpr InstructionSet kAll[] = {InstructionSet::portable, InstructionSet::avx2,
                                   InstructionSet::avx512, InstructionSet::amx};

void lacks(std::string& list, bool has, const char* what) {
    if (!has) list += (list.empty() ? "" : ", ") + std::string(what);
}

// What the processor or the system lacks for a set; empty: nothing.
std::string missing(const Processor& p, InstructionSet set) {
    std::string list;
    if (set >= InstructionSet::avx2) {
        lacks(list, p.avx2, "avx2");
        lacks(list, p.fma, "fma");
        lacks(list, p.f16c, "f16c");
        lacks(list, p.saves_ymm, "a system that saves 256-bit registers");
    }
    if (set >= InstructionSet::avx512) {
        lacks(list, p.avx512f, "avx512f");
        lacks(list, p.avx512bw, "avx512bw");
        lacks(list, p.avx512dq, "avx512dq");
        lacks(list, p.avx512vl, "avx512vl");
        lacks(list, p.avx512_vnni, "avx512_vnni");
        lacks(list, p.avx512_bf16, "avx512_bf16");
        lacks(list, p.saves_zmm, "a system that saves 512-bit registers");
    }
    if (set >= InstructionSet::amx) {
        lacks(list, p.amx_tile, "amx_tile");
        lacks(list, p.amx_bf16, "amx_bf16");
        lacks(list, p.amx_int8, "amx_int8");
        lacks(list, p.saves_tiles, "a system that saves tiles");
    }
    return list;
}

// With tiles they are what few rows are multiplied by, which wait for memory anyway.
bool uses_bf16_dots(const Processor& p, InstructionSet set) {
    return set == InstructionSet::amx || (set == InstructionSet::avx512 && !p.slow_bf16_dots);
}

std::string needs(InstructionSet set, bool bf16_dots) {
    switch (set) {
        case InstructionSet::portable: return "runs on any processor";
        case InstructionSet::avx2: return "has avx2, fma, f16c";
        case InstructionSet::avx512:
            return std::string("has avx512 f, bw, dq, vl, vnni, bf16") +
                   (bf16_dots ? "" : "; bf16 by products of fp32, which are faster here");
        case InstructionSet::amx: return "has amx tile, bf16, int8 and avx512 with bf16";
    }
    return "";
}

}  // namespace

const char* name_of(InstructionSet set) {
    constexpr const char* names[] = {"portable", "avx2", "avx512", "amx"};
    return names[static_cast<int>(set)];
}

#if defined(__x86_64__)

Processor this_processor() {
    Processor p;
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    p.slow_bf16_dots = __get_cpuid(0, &eax, &ebx, &ecx, &edx) && ebx == signature_INTEL_ebx &&
                       edx == signature_INTEL_edx && ecx == signature_INTEL_ecx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return p;
    const auto bit = [](unsigned word, int i) { return (word >> i & 1u) != 0; };
    const bool xsave = bit(ecx, 27);
    p.fma = bit(ecx, 12), p.f16c = bit(ecx, 29);
    if (xsave) {  // XCR0: 1 sse, 2 avx, 5..7 avx512, 17..18 tiles
        uint32_t low = 0, high = 0;
        __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        p.saves_ymm = (low & 0x6) == 0x6;
        p.saves_zmm = (low & 0xe6) == 0xe6;
        p.saves_tiles = (low & 0x60000) == 0x60000;
    }
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return p;
    const unsigned last_leaf = eax;
    p.avx2 = bit(ebx, 5);
    p.avx512f = bit(ebx, 16), p.avx512dq = bit(ebx, 17);
    p.avx512bw = bit(ebx, 30), p.avx512vl = bit(ebx, 31);
    p.avx512_vnni = bit(ecx, 11);
    p.amx_bf16 = bit(edx, 22), p.amx_tile = bit(edx, 24), p.amx_int8 = bit(edx, 25);
    if (last_leaf >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx))
        p.avx512_bf16 = bit(eax, 5);
    return p;
}

std::string request_tiles() {
    constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM
    if (syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0) return {};
    return std::string("the system refuses the tiles' memory: ") + std::strerror(errno);
}

#else

Processor this_processor() {
    return {};
}
std::string request_tiles() {
    return "no tiles on this processor";
}

#endif

Result<Choice> choose(const Processor& processor, const std::string& wanted,
                      std::string (*tiles)()) {
    const auto why_not = [&](InstructionSet set) {
        const std::string list = missing(processor, set);
        if (!list.empty()) return "this machine lacks " + list;
        return set == InstructionSet::amx ? tiles() : std::string();
    };
    Choice choice;
    if (wanted == "auto") {
        std::string above;
        for (int i = 3; i >= 0; --i) {
            choice.set = kAll[i];
            const std::string why = why_not(choice.set);
            if (why.empty()) break;
            above = std::string("; not ") + name_of(choice.set) + ": " + why;
        }
        choice.bf16_dots = uses_bf16_dots(processor, choice.set);
        choice.reason = needs(choice.set, choice.bf16_dots) + above;
        return choice;
    }
    for (const InstructionSet set : kAll) {
        if (wanted != name_of(set)) continue;
        if (const std::string why = why_not(set); !why.empty())
            return unsupported("cannot use instruction set '" + wanted + "': " + why);
        choice.set = set;
        choice.bf16_dots = uses_bf16_dots(processor, set);
        choice.reason = needs(set, choice.bf16_dots) + "; asked for";
        return choice;
    }
    return invalid("unknown instruction set '" + wanted +
                   "': expected auto, portable, avx2, avx512 or amx");
}

}  // namespace afs::cpu
