// Judges an OpCase: the exact result of its op on its inputs, with the bounds that
// follow from how the kernel says it computes. Ops that only move data have bounds of zero.
#pragma once
#include <functional>

#include "afs/bound/judge.hpp"
#include "afs/bound/verdict.hpp"
#include "conformance/run/run_case.hpp"

namespace afs::conformance {

// Every op but kv_append/1 and sample/1. For attention/1 the rows of padding tokens are left out.
bound::Judged judge_case(const OpCase& c, const bound::Arithmetic& how);

// attention/1 where a query at context length `context` sees the positions t that `sees` lets
// through of its sequence; empty: those below its context, which is right.
using Sees = std::function<bool(size_t t, size_t context)>;
bound::Judged judge_attention_case(const OpCase& c, const bound::Arithmetic& how,
                                   const Sees& sees = {});

inline bound::Arithmetic arithmetic(const afs_verdict& v, int32_t out_dtype) {
    return {v.acc_dtype, v.internal_dtype, out_dtype, v.flags};
}

// The verdict over what a backend made of a case.
inline bound::Verdict judge(const OpCase& c, const Outcome& o) {
    const auto judged = judge_case(c, arithmetic(o.verdict, c.output.dtype));
    return bound::verdict(o.output.doubles().data(), judged);
}

// What kv_append/1 must leave behind, bit for bit.
Cache appended(const OpCase& c);

// The id that sample/1 must draw for a row.
int32_t drawn(const OpCase& c, uint32_t row);

}  // namespace afs::conformance
