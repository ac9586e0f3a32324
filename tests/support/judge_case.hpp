// Judges an OpCase (op_harness.hpp): the exact result of its op on its inputs, with the bounds that
// follow from how the kernel says it computes. Ops that only move data have bounds of zero.
#pragma once
#include "afs/bound/judge.hpp"
#include "afs/bound/verdict.hpp"
#include "support/op_harness.hpp"

namespace afs::test {

// Every op but kv_append/1 and sample/1. For attention/1 the rows of padding tokens are left out.
bound::Judged judge_case(const OpCase& c, const bound::Arithmetic& how);

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

}  // namespace afs::test
