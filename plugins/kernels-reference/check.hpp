// What a query and a run may find wrong (afs/plugin/op_check.hpp), and the verdict of this plugin.
#pragma once
#include <string>

#include "afs/plugin/op_shapes.hpp"
#include "element.hpp"

namespace afs::reference {

using plugin::check_matrix;
using plugin::check_rows;
using plugin::check_vector;
using plugin::kAny;

class Check : public plugin::OpCheck {
public:
    explicit Check(const afs_query& query)
        : OpCheck(query, {AFS_F32, AFS_BF16, AFS_F16, AFS_F64}, true) {}

    // Fills the verdict: yes, computing for activations of act_dtype, or no with the first reason.
    void answer(afs_verdict& out, int32_t act_dtype, uint64_t workspace_bytes) const {
        if (!OpCheck::answer(out)) return;
        out.acc_dtype = out.internal_dtype = acc_dtype(act_dtype);
        out.flags = AFS_CAPTURE_SAFE | AFS_DETERMINISTIC | AFS_BATCH_INVARIANT;
        out.workspace_bytes = workspace_bytes;
    }
};

template <class T>
T* row(const afs_tensor& t, int64_t i) {
    return static_cast<T*>(t.data) + i * t.strides[0];
}

}  // namespace afs::reference
