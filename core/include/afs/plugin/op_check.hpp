// What a kernels plugin asks of a node and of a run before it says yes: collected in one OpCheck,
// whose first complaint becomes the verdict's reason. The ops' own shapes stand in op_shapes.hpp.
// C++17, also in .cu files.
#pragma once
#include <string>
#include <vector>

#include "afs/kernels.hpp"
#include "afs/numeric.hpp"  // dtype_name

namespace afs {
namespace plugin {

constexpr int64_t kAny = INT64_MIN;  // a dimension that a check leaves open

inline std::string dim_text(int64_t dim) {
    if (dim == kAny) return "any";
    if (dim == AFS_DIM_TOKENS) return "n_tokens";
    if (dim == AFS_DIM_ROWS) return "n_rows";
    return std::to_string(dim);
}
inline std::string dims_text(const int64_t* dims, int32_t rank) {
    std::string text = "[";
    for (int32_t i = 0; i < rank && i < AFS_MAX_RANK; ++i)
        text += (i ? ", " : "") + dim_text(dims[i]);
    return text + "]";
}
inline std::string dtype_text(int32_t dtype) {
    return dtype >= AFS_BLOCK && !block_format(dtype)
               ? "block format " + std::to_string(dtype - AFS_BLOCK)
               : dtype_name(dtype);
}

// Collects the first thing that is wrong with a node.
class OpCheck {
public:
    // dtypes: what the plugin computes with, in activations, weights and caches alike;
    // block_formats: whether its matrices may be of a block format too.
    OpCheck(const afs_query& query, std::vector<int32_t> dtypes, bool block_formats = false)
        : query_(query), node_(query), dtypes_(std::move(dtypes)), block_formats_(block_formats) {}

    const Node& node() const { return node_; }
    const std::string& reason() const { return reason_; }  // empty: nothing is wrong so far
    afs_limits limits() const { return read<afs_limits>(query_.limits); }

    void require(bool holds, const std::string& otherwise) {
        if (!holds && reason_.empty()) reason_ = otherwise;
    }
    // False unless the node has n inputs (and parameters, where needed). The other checks may be
    // called only after a yes.
    bool shape_of_node(uint32_t n_inputs, bool needs_params) {
        require(node_.n_inputs() == n_inputs, "expected " + std::to_string(n_inputs) +
                                                  " inputs, found " +
                                                  std::to_string(node_.n_inputs()));
        require(!needs_params || node_.has_params(), "expected parameters, found none");
        return reason_.empty();
    }
    // v is an activation of rank 2 with these dims and this dtype (AFS_DTYPE_NONE: any of ours).
    void activation(const char* name, const afs_value& v, int64_t rows, int64_t cols,
                    int32_t dtype) {
        require(v.kind == AFS_VALUE_ACT, std::string(name) + ": expected an activation");
        if (dtype == AFS_DTYPE_NONE)
            computed(name, v.dtype, false);
        else
            require(v.dtype == dtype, std::string(name) + ": expected " + dtype_text(dtype) +
                                          ", found " + dtype_text(v.dtype));
        dims(name, v, rows, cols);
        require(v.rank != 2 || v.dims[1] > 0, std::string(name) + ": has rows of no elements");
    }
    // v is a plain weight of this shape: [rows, cols], or [cols] when rows is 0.
    void weight(const char* name, const afs_value& v, int64_t rows, int64_t cols) {
        require(v.kind == AFS_VALUE_WEIGHT, std::string(name) + ": expected a weight");
        computed(name, v.dtype, false);
        dims(name, v, rows, cols);
    }
    // As weight, or in a block format where the plugin reads those.
    void matrix(const char* name, const afs_value& v, int64_t rows, int64_t cols) {
        require(v.kind == AFS_VALUE_WEIGHT, std::string(name) + ": expected a weight");
        computed(name, v.dtype, block_formats_);
        dims(name, v, rows, cols);
        const BlockFormat* format = block_format(v.dtype);
        require(!format || v.rank != 2 || v.dims[1] % format->elements == 0,
                std::string(name) + ": rows of " + dtype_name(v.dtype) + " are whole blocks of " +
                    std::to_string(format ? format->elements : 0) + " elements, found " +
                    std::to_string(v.dims[1]));
    }
    // v is a cache of this geometry; its layout, zeroed where something is wrong.
    afs_kv_layout cache(const afs_value& v, int64_t kv_heads, int64_t head_dim) {
        const afs_kv_layout layout = layout_of(v);
        const int64_t expected[] = {kv_heads, head_dim};
        const int64_t found[] = {layout.n_kv_heads, layout.head_dim};
        require(found[0] == kv_heads && found[1] == head_dim,
                "cache: expected [kv_heads, head_dim] " + dims_text(expected, 2) + ", found " +
                    dims_text(found, 2));
        return layout;
    }
    // v is a cache whose token has this many elements a side.
    afs_kv_layout cache_of_width(const afs_value& v, int64_t width) {
        const afs_kv_layout layout = layout_of(v);
        const int64_t found = int64_t{layout.n_kv_heads} * layout.head_dim;
        require(found == width, "cache: expected " + std::to_string(width) +
                                    " elements a token, found " + std::to_string(found));
        return layout;
    }

    // True and a bare yes, or false and the first reason.
    bool answer(afs_verdict& out) const {
        out.supported = reason_.empty();
        if (!out.supported) put(out.reason, std::string(node_.op()) + ": " + reason_);
        return out.supported != 0;
    }

private:
    // "x: expected fp32, bf16 or fp16, found int32"
    void computed(const char* name, int32_t dtype, bool or_blocks) {
        std::vector<std::string> known;
        bool fits = or_blocks && block_format(dtype);
        for (const int32_t each : dtypes_) {
            known.push_back(dtype_text(each));
            fits = fits || each == dtype;
        }
        if (or_blocks) known.push_back("a block format");
        std::string list;
        for (size_t i = 0; i < known.size(); ++i)
            list += (i == 0 ? "" : i + 1 < known.size() ? ", " : " or ") + known[i];
        require(fits, std::string(name) + ": expected " + list + ", found " + dtype_text(dtype));
    }
    void dims(const char* name, const afs_value& v, int64_t rows, int64_t cols) {
        const int64_t two[] = {rows, cols};
        const int32_t rank = rows == 0 ? 1 : 2;
        const int64_t* expected = rows == 0 ? two + 1 : two;
        bool same = v.rank == rank;
        for (int32_t i = 0; same && i < rank; ++i)
            same = expected[i] == kAny || expected[i] == v.dims[i];
        require(same, std::string(name) + ": expected shape " + dims_text(expected, rank) +
                          ", found " + dims_text(v.dims, v.rank < 0 ? 0 : v.rank));
    }
    afs_kv_layout layout_of(const afs_value& v) {
        require(v.kind == AFS_VALUE_KV, "cache: expected a KV value");
        const bool known =
            v.kv_group >= 0 && static_cast<uint32_t>(v.kv_group) < query_.graph->n_kv_groups;
        require(known && query_.kv_layouts != nullptr, "cache: no layout for its group");
        if (!reason_.empty()) return make<afs_kv_layout>();
        const auto layout = read<afs_kv_layout>(query_.kv_layouts[v.kv_group]);
        const auto group = read<afs_kv_group>(query_.graph->kv_groups[v.kv_group]);
        require(group.window == 0, "cache: sliding window of " + std::to_string(group.window) +
                                       " tokens; only whole contexts are offered");
        computed("cache", layout.dtype, false);
        require(layout.block_size > 0, "cache: block size is 0");
        return layout;
    }

    afs_query query_;
    Node node_;
    std::vector<int32_t> dtypes_;
    bool block_formats_;
    std::string reason_;
};

// At run time: a plain tensor [rows, cols] with contiguous rows (rows kAny: whatever it has), in a
// real dtype or in one of the block formats, its rows then whole blocks.
inline Status check_matrix(const char* name, const afs_tensor& t, int64_t rows, int64_t cols) {
    if (t.format != 0)
        return invalid(std::string(name) + ": expected a plain tensor, found packed format " +
                       std::to_string(t.format));
    const int64_t expected[] = {rows, cols};
    if (t.rank != 2 || t.dims[1] != cols || (rows != kAny && t.dims[0] != rows))
        return invalid(std::string(name) + ": expected shape " + dims_text(expected, 2) +
                       ", found " + dims_text(t.dims, t.rank < 0 ? 0 : t.rank));
    const BlockFormat* format = block_format(t.dtype);
    if (!format && (dtype_size(t.dtype) == 0 || t.dtype == AFS_I32))
        return invalid(std::string(name) + ": expected a real dtype, found " + dtype_text(t.dtype));
    if (format && (cols % format->elements != 0 || t.strides[0] % format->elements != 0))
        return invalid(std::string(name) + ": rows of " + dtype_name(t.dtype) +
                       " are whole blocks of " + std::to_string(format->elements) +
                       " elements, found " + std::to_string(cols) + ", " +
                       std::to_string(t.strides[0]) + " apart");
    if (cols > 1 && t.strides[1] != 1)
        return invalid(std::string(name) + ": expected contiguous rows, found elements " +
                       std::to_string(t.strides[1]) + " apart");
    if (!t.data && t.dims[0] > 0) return invalid(std::string(name) + ": has no data");
    return {};
}

// As check_matrix, but not in a block format.
inline Status check_rows(const char* name, const afs_tensor& t, int64_t rows, int64_t cols) {
    if (dtype_size(t.dtype) == 0 || t.dtype == AFS_I32)
        return invalid(std::string(name) + ": expected a plain real dtype, found " +
                       dtype_text(t.dtype));
    return check_matrix(name, t, rows, cols);
}

// A plain contiguous vector of n elements.
inline Status check_vector(const char* name, const afs_tensor& t, int64_t n) {
    afs_tensor one_row = t;  // the same check, as a matrix of one row
    if (t.rank == 1) {
        one_row.rank = 2;
        one_row.dims[0] = 1, one_row.dims[1] = t.dims[0];
        one_row.strides[0] = 0, one_row.strides[1] = t.strides[0];
    }
    return check_rows(name, one_row, 1, n);
}

}  // namespace plugin
}  // namespace afs
