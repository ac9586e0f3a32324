// What an op file gives the plugin: its id, how it answers a query, how it is made ready; and what
// the plugin gives its ops.
#pragma once
#include <algorithm>
#include <cstring>

#include "afs/plugin/op_shapes.hpp"
#include "machine/instruction_set.hpp"
#include "machine/pool.hpp"
#include "ops/rope/tables.hpp"
#include "options.hpp"
#include "simd/kernels.hpp"

namespace afs::cpu {

using plugin::check_matrix;
using plugin::check_rows;
using plugin::check_vector;
using plugin::kAny;
using plugin::OpCheck;

// One opened plugin: lives as long as its ops.
struct Context {
    Context(Options o, Choice c);
    Options options;
    Choice choice;
    const Kernels kernels;
    Pool pool;
    RopeTables rope;
};

struct OpEntry {
    const char* id;
    void (*query)(OpCheck& check, const Context& context, afs_verdict& out);
    std::unique_ptr<Op> (*prepare)(const afs_query& query, Context& context);
};

extern const OpEntry kEmbed, kRmsNorm, kLinear, kRope, kKvAppend, kAttention, kSwiglu, kAdd,
    kSelectRows, kSample;

// For an Op class with a constructor from a query and a context, and a static query of its own.
template <class OpClass>
constexpr OpEntry entry(const char* id) {
    return {id, &OpClass::query,
            [](const afs_query& query, Context& context) -> std::unique_ptr<Op> {
                return std::make_unique<OpClass>(query, context);
            }};
}

// A yes as most ops here give it: fp32 inside, every row for itself, one fixed order of each sum.
inline void answer(const OpCheck& check, afs_verdict& out, uint64_t workspace_bytes = 0) {
    if (!check.answer(out)) return;
    out.acc_dtype = out.internal_dtype = AFS_F32;
    out.flags = AFS_CAPTURE_SAFE | AFS_DETERMINISTIC | AFS_BATCH_INVARIANT;
    out.workspace_bytes = workspace_bytes;
}

// Address of row i of a tensor, and of element i of an array.
inline void* row_of(const afs_tensor& t, int64_t i) {
    return static_cast<char*>(t.data) +
           i * t.strides[0] * static_cast<int64_t>(dtype_size(t.dtype));
}
inline char* element(void* data, int32_t dtype, int64_t i) {
    return static_cast<char*>(data) + i * static_cast<int64_t>(dtype_size(dtype));
}
inline const char* element(const void* data, int32_t dtype, int64_t i) {
    return static_cast<const char*>(data) + i * static_cast<int64_t>(dtype_size(dtype));
}

// Runs f(row) for every row: in pieces on all threads where there is work for them.
// row_cost: about the nanoseconds of one row.
template <class F>
void each_row(Pool& pool, int64_t n_rows, int64_t row_cost, const F& f) {
    constexpr int64_t kWorthwhile = 8000;  // ns: several times what a region costs
    const int64_t rows = std::max<int64_t>(1, kWorthwhile / std::max<int64_t>(1, row_cost));
    const auto n_tasks = static_cast<size_t>((n_rows + rows - 1) / rows);
    pool.run(n_tasks, [&](size_t task, unsigned) {
        const int64_t begin = static_cast<int64_t>(task) * rows;
        for (int64_t i = begin; i < std::min(n_rows, begin + rows); ++i) f(i);
    });
}

}  // namespace afs::cpu
