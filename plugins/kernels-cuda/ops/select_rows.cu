// select_rows/1: out[i] = x[logit_rows[i]], bit for bit: only rows whose logits are wanted go on.
#include "backend.hpp"
#include "kernels/gather.cuh"

namespace afs::cuda {
namespace {

struct LogitRow {
    const int32_t* logit_rows;
    int64_t n_tokens;

    __device__ int64_t operator()(int64_t i) const {
        const int64_t row = logit_rows[i];
        return row < 0 || row >= n_tokens ? -1 : row;
    }
};

class SelectRows final : public Op {
public:
    explicit SelectRows(const afs_query&) {}
    static void query(OpCheck& check, afs_verdict& out) {
        plugin::require_select_rows(check);
        answer(check, out);
    }
    Status run(const afs_run& run) override {
        const afs_tensor &x = run.inputs[0], &out = *run.output;
        const auto step = read<afs_step>(run.step);
        AFS_TRY(check_rows("x", x, step.n_tokens, x.dims[1]));
        AFS_TRY(check_rows("output", out, step.n_rows, x.dims[1]));
        const LogitRow source = {step.logit_rows, x.dims[0]};
        return dispatch(x.dtype, [&](auto t) {
            return gather<decltype(t), decltype(t)>(x, out, source, run.stream);
        });
    }
};

}  // namespace

constexpr OpEntry kSelectRows = entry<SelectRows>("select_rows/1");

}  // namespace afs::cuda
