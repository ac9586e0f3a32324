// AFS_CHECK: a programmer's assumption, never reachable from user input. Prints and aborts.
#pragma once
#include <cstdio>
#include <cstdlib>

#define AFS_CHECK(cond, text)                                                                      \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            std::fprintf(stderr, "%s:%d: check failed: %s (%s)\n", __FILE__, __LINE__, #cond,      \
                         text);                                                                    \
            std::abort();                                                                          \
        }                                                                                          \
    } while (0)
