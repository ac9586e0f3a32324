// What a query and a run may find wrong, said once for all ops.
#pragma once
#include <string>

#include "afs/kernels.hpp"
#include "element.hpp"

namespace afs::reference {

constexpr int64_t kAny = INT64_MIN;  // a dimension that a check leaves open

// Collects the first thing that is wrong with a node.
class Check {
public:
    explicit Check(const afs_query& query);

    // False, with a reason, unless the node has n inputs (and parameters, where needed). The other
    // checks may be called only after a yes.
    bool shape_of_node(uint32_t n_inputs, bool needs_params);
    // v is an activation of rank 2 with these dims and this dtype (AFS_DTYPE_NONE: any real one).
    void activation(const char* name, const afs_value& v, int64_t rows, int64_t cols,
                    int32_t dtype);
    // v is a weight of a real dtype and of this shape: [rows, cols], or [cols] when rows is 0.
    void weight(const char* name, const afs_value& v, int64_t rows, int64_t cols);
    // As weight, or in one of the block formats.
    void matrix(const char* name, const afs_value& v, int64_t rows, int64_t cols);
    // v is a cache of this geometry, with a layout that this plugin can address.
    void cache(const afs_value& v, int64_t kv_heads, int64_t head_dim);
    // v is a cache whose token has this many elements a side.
    void cache_of_width(const afs_value& v, int64_t width);
    void require(bool holds, const std::string& otherwise);

    // Fills the verdict: yes, computing for activations of act_dtype, or no with the first reason.
    void answer(afs_verdict& out, int32_t act_dtype, uint64_t workspace_bytes) const;

    const Node& node() const { return node_; }

private:
    void weight_of(const char* name, const afs_value& v, bool dtype_fits, const char* dtypes,
                   int64_t rows, int64_t cols);
    bool layout_of(const afs_value& v, afs_kv_layout& out);
    void dims(const char* name, const afs_value& v, int64_t rows, int64_t cols);
    afs_query query_;
    Node node_;
    std::string reason_;
};

// At run time: a plain tensor [rows, cols] with contiguous rows (rows kAny: whatever it has).
Status check_rows(const char* name, const afs_tensor& t, int64_t rows, int64_t cols);
// As check_rows, or in one of the block formats, its rows whole blocks.
Status check_matrix(const char* name, const afs_tensor& t, int64_t rows, int64_t cols);
// A plain contiguous vector of n elements.
Status check_vector(const char* name, const afs_tensor& t, int64_t n);

template <class T>
T* row(const afs_tensor& t, int64_t i) {
    return static_cast<T*>(t.data) + i * t.strides[0];
}

}  // namespace afs::reference
