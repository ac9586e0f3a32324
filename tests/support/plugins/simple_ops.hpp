// Every op as short fp32 loops over host addresses, for test plugins that need one: the toy whole
// step and the fake device. Readable tensors: fp32, bf16, fp16. Not the reference: sums run in
// plain order, so bits may differ, tokens do not.
#pragma once
#include <string>
#include <vector>

#include "afs/kernels.hpp"

namespace afs_test {

class SimpleOp {
public:
    // Empty: supported; else why not.
    static std::string why_not(const afs::Node& node);

    explicit SimpleOp(const afs::Node& node);
    // All addresses of the record are readable by this thread.
    afs::Status run(const afs_run& run);

private:
    void embed(const afs_run& run);
    void rms_norm(const afs_run& run);
    void linear(const afs_run& run);
    void rope(const afs_run& run);
    void kv_append(const afs_run& run);
    void attention(const afs_run& run);
    void swiglu(const afs_run& run);
    void add(const afs_run& run);
    void select_rows(const afs_run& run);
    void sample(const afs_run& run);

    void (SimpleOp::*body_)(const afs_run&) = nullptr;
    afs_rms_norm_params norm_{};
    afs_rope_params rope_{};
    afs_attention_params attention_{};
};

}  // namespace afs_test
