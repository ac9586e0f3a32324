// rms_norm/1: r = 1 / sqrt(mean(x^2) + eps) of each row, T the activations' dtype:
//   weight_before_cast (OLMo-2): out = T(w * (x * r));   else (Llama): out = T(w * T(x * r)).
// The weight is widened once a run.
#include "backend.hpp"

namespace afs::cpu {
namespace {

class RmsNorm final : public Op {
public:
    RmsNorm(const afs_query& query, Context& context)
        : context_(context), params_(Node(query).params<afs_rms_norm_params>()) {}

    static void query(OpCheck& check, const Context&, afs_verdict& out) {
        plugin::require_rms_norm(check);
        const int64_t width = check.node().out().dims[1];
        answer(check, out, static_cast<uint64_t>(std::max<int64_t>(0, width)) * sizeof(float));
    }

    Status run(const afs_run& run) override {
        const afs_tensor &x = run.inputs[0], &weight = run.inputs[1], &out = *run.output;
        AFS_TRY(check_rows("x", x, kAny, x.dims[1]));
        AFS_TRY(check_vector("weight", weight, x.dims[1]));
        AFS_TRY(check_rows("output", out, x.dims[0], x.dims[1]));
        const auto width = static_cast<size_t>(x.dims[1]);
        auto* w = static_cast<float*>(run.workspace);
        context_.kernels.widen(w, weight.data, weight.dtype, width);
        each_row(context_.pool, x.dims[0], x.dims[1] / 8, [&](int64_t i) {
            context_.kernels.rms_norm(row_of(out, i), row_of(x, i), x.dtype, w, width, params_.eps,
                                      params_.weight_before_cast != 0);
        });
        return {};
    }

private:
    Context& context_;
    afs_rms_norm_params params_;
};

}  // namespace

constexpr OpEntry kRmsNorm = entry<RmsNorm>("rms_norm/1");

}  // namespace afs::cpu
