/* Sizes and offsets of the contract as a C compiler sees them. */
#include "layout.h"

#include "afs/abi/all.h"

#define SIZE(type)                                                                                 \
    { #type, sizeof(type) }
#define AT(type, member)                                                                           \
    { #type "." #member, offsetof(type, member) }

const struct layout_fact layout_facts_c[] = {
#include "layout_facts.inc"
};
const size_t n_layout_facts_c = sizeof layout_facts_c / sizeof layout_facts_c[0];
