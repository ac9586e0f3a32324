// A function of a table's file melts into its caller: vectors of the wider sets may not cross a
// call of baseline code.
#pragma once
#define AFS_FORCE static inline __attribute__((always_inline))
#define AFS_LAMBDA __attribute__((always_inline))
// Loops over the registers of a tile, so that they are registers.
#ifdef __clang__
#define AFS_UNROLL _Pragma("unroll")
#define AFS_KEEP_LOOP _Pragma("clang loop unroll(disable)")
#else
#define AFS_UNROLL _Pragma("GCC unroll 16")
#define AFS_KEEP_LOOP _Pragma("GCC unroll 1")
#endif
