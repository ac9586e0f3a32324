// From a spec to its data: one function an op.
#pragma once
#include "conformance/cases/case_spec.hpp"
#include "conformance/cases/op_case.hpp"

namespace afs::conformance {

// INVALID for a shape that is out of range or has no such op.
Result<OpCase> make_case(const CaseSpec& spec);

// Parts of the above, by op.
Result<OpCase> make_row_op(const CaseSpec& spec);    // rms_norm, linear, rope, swiglu, add
Result<OpCase> make_cache_op(const CaseSpec& spec);  // kv_append, attention
Result<OpCase> make_lookup(const CaseSpec& spec);    // embed, select_rows, sample

// A number of the spec within [least, most].
Result<int64_t> ranged(const CaseSpec& spec, const std::string& key, int64_t least, int64_t most,
                       int64_t otherwise);

// Elements of one tensor, at most: 1 GiB of fp32.
constexpr int64_t kMostElements = int64_t{1} << 28;

}  // namespace afs::conformance
