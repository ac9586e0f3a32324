// Which instructions are chosen for which processor, and what the reason says.
#include <catch2/catch.hpp>

#include <cstdio>

#include "machine/instruction_set.hpp"

using namespace afs;
using namespace afs::cpu;
using Catch::Matchers::Contains;

namespace {

std::string granted() {
    return {};
}
std::string refused() {
    return "the system refuses the tiles' memory: Operation not permitted";
}

Processor haswell() {
    Processor p;
    p.avx2 = p.fma = p.f16c = p.saves_ymm = true;
    return p;
}
Processor zen5() {
    Processor p = haswell();
    p.avx512f = p.avx512bw = p.avx512dq = p.avx512vl = p.saves_zmm = true;
    p.avx512_vnni = p.avx512_bf16 = true;
    return p;
}
Processor sapphire_rapids() {
    Processor p = zen5();
    p.amx_tile = p.amx_bf16 = p.amx_int8 = p.saves_tiles = true;
    p.slow_bf16_dots = true;
    return p;
}

Choice chosen(const Processor& p, std::string (*tiles)() = granted) {
    const auto choice = choose(p, "auto", tiles);
    REQUIRE(choice.ok());
    return *choice;
}

}  // namespace

TEST_CASE("instruction set: auto takes the best that processor and system both have") {
    CHECK(chosen(Processor{}).set == InstructionSet::portable);
    CHECK(chosen(haswell()).set == InstructionSet::avx2);
    CHECK(chosen(zen5()).set == InstructionSet::avx512);
    CHECK(chosen(sapphire_rapids()).set == InstructionSet::amx);

    Processor no_zmm = zen5();  // a system that was told not to save the wide registers
    no_zmm.saves_zmm = false;
    CHECK(chosen(no_zmm).set == InstructionSet::avx2);
    CHECK_THAT(chosen(no_zmm).reason,
               Contains("not avx512: this machine lacks a system that saves 512-bit registers"));
    Processor skylake = zen5();  // AVX-512 without bf16
    skylake.avx512_bf16 = false;
    CHECK(chosen(skylake).set == InstructionSet::avx2);
    CHECK_THAT(chosen(skylake).reason, Contains("avx512_bf16"));
    CHECK(chosen(sapphire_rapids(), refused).set == InstructionSet::avx512);
    CHECK_THAT(chosen(sapphire_rapids(), refused).reason, Contains("refuses the tiles' memory"));
}

TEST_CASE(
    "instruction set: dot products of bf16 pairs are used where they are fast, or with tiles") {
    CHECK_FALSE(chosen(haswell()).bf16_dots);
    CHECK(chosen(zen5()).bf16_dots);
    CHECK(chosen(sapphire_rapids()).bf16_dots);
    const Choice without_tiles = chosen(sapphire_rapids(), refused);
    CHECK_FALSE(without_tiles.bf16_dots);
    CHECK_THAT(without_tiles.reason, Contains("bf16 by products of fp32"));
    CHECK_FALSE(choose(sapphire_rapids(), "avx512", granted)->bf16_dots);
}

TEST_CASE("instruction set: a wanted one is taken, or refused with what it lacks") {
    const auto portable = choose(sapphire_rapids(), "portable", granted);
    REQUIRE(portable.ok());
    CHECK(portable->set == InstructionSet::portable);
    CHECK_THAT(portable->reason, Contains("asked for"));
    const auto amx = choose(zen5(), "amx", granted);
    CHECK(amx.status().code() == Code::unsupported);
    CHECK_THAT(amx.status().message(),
               Contains("cannot use instruction set 'amx': this machine lacks amx_tile"));
    CHECK_THAT(choose(sapphire_rapids(), "amx", refused).status().message(), Contains("refuses"));
    CHECK_THAT(choose(zen5(), "sse9", granted).status().message(),
               Contains("unknown instruction set 'sse9': expected auto, portable, avx2"));
}

TEST_CASE("instruction set: this machine's is one that it says it has") {
    const auto here = choose(this_processor(), "auto");
    REQUIRE(here.ok());
    CHECK(choose(this_processor(), name_of(here->set)).ok());
    std::printf("auto takes %s: %s\n", name_of(here->set), here->reason.c_str());
}
