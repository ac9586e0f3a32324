// What an op file gives the plugin: its id, how it answers a query, how it is made ready.
#pragma once
#include "check.hpp"

namespace afs::reference {

struct OpEntry {
    const char* id;
    void (*query)(Check& check, const afs_query& query, afs_verdict& out);
    std::unique_ptr<Op> (*prepare)(const afs_query& query);
};

extern const OpEntry kEmbed, kRmsNorm, kLinear, kRope, kKvAppend, kAttention, kSwiglu, kAdd,
    kSelectRows, kSample;

// For an Op class with a constructor from a query and a static query of its own.
template <class OpClass>
constexpr OpEntry entry(const char* id) {
    return {id, &OpClass::query,
            [](const afs_query& q) -> std::unique_ptr<Op> { return std::make_unique<OpClass>(q); }};
}

}  // namespace afs::reference
