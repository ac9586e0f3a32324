// Included before everything in llama.cpp's sources by tools/peers/cpu.sh. g++'s _tile_loadconfig
// (of 12 and 13) tells the compiler that it reads 8 bytes where the processor reads 64: stores to
// the others are dropped, and the first product of tiles is an illegal instruction.
#pragma once
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#undef _tile_loadconfig
#define _tile_loadconfig(config)                                                                   \
    __asm__ volatile("ldtilecfg %0" : : "m"(*(const char(*)[64])(config)) : "memory")
#endif
