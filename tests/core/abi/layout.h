/* What the C and the C++ half of the layout test share. */
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct layout_fact {
    const char* name;
    size_t bytes;
};

extern const struct layout_fact layout_facts_c[];
extern const size_t n_layout_facts_c;

#ifdef __cplusplus
}
#endif
