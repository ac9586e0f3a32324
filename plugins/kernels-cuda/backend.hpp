// What an op file gives the plugin: its id, how it answers a query, how it is made ready.
#pragma once
#include "afs/plugin/op_shapes.hpp"

namespace afs::cuda {

using plugin::check_rows;
using plugin::check_vector;
using plugin::kAny;
using plugin::OpCheck;

struct OpEntry {
    const char* id;
    void (*query)(OpCheck& check, afs_verdict& out);
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

// A yes as most ops here give it: fp32 inside, every row for itself, one fixed order of each sum.
inline void answer(const OpCheck& check, afs_verdict& out, uint64_t workspace_bytes = 0) {
    if (!check.answer(out)) return;
    out.acc_dtype = out.internal_dtype = AFS_F32;
    out.flags = AFS_CAPTURE_SAFE | AFS_DETERMINISTIC | AFS_BATCH_INVARIANT;
    out.workspace_bytes = workspace_bytes;
}

}  // namespace afs::cuda
