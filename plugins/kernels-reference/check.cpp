#include "check.hpp"

#include "afs/abi/ops.h"

namespace afs::reference {
namespace {

constexpr const char* kReal = "fp32, bf16, fp16 or fp64";
constexpr const char* kRealOrBlocks = "fp32, bf16, fp16, fp64 or a block format";

std::string dim_text(int64_t dim) {
    if (dim == kAny) return "any";
    if (dim == AFS_DIM_TOKENS) return "n_tokens";
    if (dim == AFS_DIM_ROWS) return "n_rows";
    return std::to_string(dim);
}
std::string dims_text(const int64_t* dims, int32_t rank) {
    std::string text = "[";
    for (int32_t i = 0; i < rank; ++i) text += (i ? ", " : "") + dim_text(dims[i]);
    return text + "]";
}
std::string dtype_text(int32_t dtype) {
    return dtype >= AFS_BLOCK && !block_format(dtype)
               ? "block format " + std::to_string(dtype - AFS_BLOCK)
               : dtype_name(dtype);
}

}  // namespace

Check::Check(const afs_query& query) : query_(query), node_(query) {}

void Check::require(bool holds, const std::string& otherwise) {
    if (!holds && reason_.empty()) reason_ = otherwise;
}

bool Check::shape_of_node(uint32_t n_inputs, bool needs_params) {
    require(node_.n_inputs() == n_inputs, "expected " + std::to_string(n_inputs) +
                                              " inputs, found " + std::to_string(node_.n_inputs()));
    require(!needs_params || node_.has_params(), "expected parameters, found none");
    return reason_.empty();
}

void Check::dims(const char* name, const afs_value& v, int64_t rows, int64_t cols) {
    const int64_t two[] = {rows, cols};
    const int32_t rank = rows == 0 ? 1 : 2;
    const int64_t* expected = rows == 0 ? two + 1 : two;
    bool same = v.rank == rank;
    for (int32_t i = 0; same && i < rank; ++i)
        same = expected[i] == kAny || expected[i] == v.dims[i];
    require(same, std::string(name) + ": expected shape " + dims_text(expected, rank) + ", found " +
                      dims_text(v.dims, v.rank < 0 || v.rank > 4 ? 0 : v.rank));
}

void Check::activation(const char* name, const afs_value& v, int64_t rows, int64_t cols,
                       int32_t dtype) {
    require(v.kind == AFS_VALUE_ACT, std::string(name) + ": expected an activation");
    require(dtype == AFS_DTYPE_NONE ? is_real(v.dtype) : v.dtype == dtype,
            std::string(name) + ": expected " +
                (dtype == AFS_DTYPE_NONE ? "fp32, bf16, fp16 or fp64" : dtype_text(dtype)) +
                ", found " + dtype_text(v.dtype));
    dims(name, v, rows, cols);
    require(v.rank != 2 || v.dims[1] > 0, std::string(name) + ": has rows of no elements");
}

void Check::weight_of(const char* name, const afs_value& v, bool dtype_fits, const char* dtypes,
                      int64_t rows, int64_t cols) {
    require(v.kind == AFS_VALUE_WEIGHT, std::string(name) + ": expected a weight");
    require(dtype_fits,
            std::string(name) + ": expected " + dtypes + ", found " + dtype_text(v.dtype));
    dims(name, v, rows, cols);
}

void Check::weight(const char* name, const afs_value& v, int64_t rows, int64_t cols) {
    weight_of(name, v, is_real(v.dtype), kReal, rows, cols);
}

void Check::matrix(const char* name, const afs_value& v, int64_t rows, int64_t cols) {
    const BlockFormat* format = block_format(v.dtype);
    weight_of(name, v, is_real(v.dtype) || format, kRealOrBlocks, rows, cols);
    require(!format || v.rank != 2 || v.dims[1] % format->elements == 0,
            std::string(name) + ": rows of " + dtype_name(v.dtype) + " are whole blocks of " +
                std::to_string(format ? format->elements : 0) + " elements, found " +
                std::to_string(v.dims[1]));
}

bool Check::layout_of(const afs_value& v, afs_kv_layout& out) {
    require(v.kind == AFS_VALUE_KV, "cache: expected a KV value");
    const bool known =
        v.kv_group >= 0 && static_cast<uint32_t>(v.kv_group) < query_.graph->n_kv_groups;
    require(known && query_.kv_layouts != nullptr, "cache: no layout for its group");
    if (!reason_.empty()) return false;
    out = read<afs_kv_layout>(query_.kv_layouts[v.kv_group]);
    const auto group = read<afs_kv_group>(query_.graph->kv_groups[v.kv_group]);
    require(group.window == 0, "cache: sliding window of " + std::to_string(group.window) +
                                   " tokens; only whole contexts are offered");
    require(is_real(out.dtype),
            "cache: expected fp32, bf16, fp16 or fp64, found " + dtype_text(out.dtype));
    require(out.block_size > 0, "cache: block size is 0");
    return true;
}

void Check::cache(const afs_value& v, int64_t kv_heads, int64_t head_dim) {
    afs_kv_layout layout;
    if (!layout_of(v, layout)) return;
    const int64_t expected[] = {kv_heads, head_dim};
    const int64_t found[] = {layout.n_kv_heads, layout.head_dim};
    require(found[0] == kv_heads && found[1] == head_dim, "cache: expected [kv_heads, head_dim] " +
                                                              dims_text(expected, 2) + ", found " +
                                                              dims_text(found, 2));
}

void Check::cache_of_width(const afs_value& v, int64_t width) {
    afs_kv_layout layout;
    if (!layout_of(v, layout)) return;
    const int64_t found = int64_t{layout.n_kv_heads} * layout.head_dim;
    require(found == width, "cache: expected " + std::to_string(width) +
                                " elements a token, found " + std::to_string(found));
}

void Check::answer(afs_verdict& out, int32_t act_dtype, uint64_t workspace_bytes) const {
    out.supported = reason_.empty();
    if (!reason_.empty()) return put(out.reason, std::string(node_.op()) + ": " + reason_);
    out.acc_dtype = out.internal_dtype = acc_dtype(act_dtype);
    out.flags = AFS_CAPTURE_SAFE | AFS_DETERMINISTIC | AFS_BATCH_INVARIANT;
    out.workspace_bytes = workspace_bytes;
}

namespace {

Status check_plain(const char* name, const afs_tensor& t, int64_t rows, int64_t cols,
                   bool dtype_fits, const char* dtypes) {
    if (t.format != 0)
        return invalid(std::string(name) + ": expected a plain tensor, found packed format " +
                       std::to_string(t.format));
    const int64_t expected[] = {rows, cols};
    if (t.rank != 2 || t.dims[1] != cols || (rows != kAny && t.dims[0] != rows))
        return invalid(std::string(name) + ": expected shape " + dims_text(expected, 2) +
                       ", found " + dims_text(t.dims, t.rank < 0 || t.rank > 4 ? 0 : t.rank));
    if (!dtype_fits)
        return invalid(std::string(name) + ": expected " + dtypes + ", found " +
                       dtype_text(t.dtype));
    if (cols > 1 && t.strides[1] != 1)
        return invalid(std::string(name) + ": expected contiguous rows, found elements " +
                       std::to_string(t.strides[1]) + " apart");
    if (!t.data && t.dims[0] > 0) return invalid(std::string(name) + ": has no data");
    return {};
}

}  // namespace

Status check_rows(const char* name, const afs_tensor& t, int64_t rows, int64_t cols) {
    return check_plain(name, t, rows, cols, is_real(t.dtype), kReal);
}

Status check_matrix(const char* name, const afs_tensor& t, int64_t rows, int64_t cols) {
    const BlockFormat* format = block_format(t.dtype);
    AFS_TRY(check_plain(name, t, rows, cols, is_real(t.dtype) || format, kRealOrBlocks));
    if (format && (t.dims[1] % format->elements != 0 || t.strides[0] % format->elements != 0))
        return invalid(std::string(name) + ": rows of " + dtype_name(t.dtype) +
                       " are whole blocks of " + std::to_string(format->elements) +
                       " elements, found " + std::to_string(t.dims[1]) + ", " +
                       std::to_string(t.strides[0]) + " apart");
    return {};
}

Status check_vector(const char* name, const afs_tensor& t, int64_t n) {
    afs_tensor one_row = t;  // the same check, as a matrix of one row
    if (t.rank == 1) {
        one_row.rank = 2;
        one_row.dims[0] = 1, one_row.dims[1] = t.dims[0];
        one_row.strides[0] = 0, one_row.strides[1] = t.strides[0];
    }
    return check_rows(name, one_row, 1, n);
}

}  // namespace afs::reference
