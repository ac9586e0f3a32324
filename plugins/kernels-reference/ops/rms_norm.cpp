// rms_norm/1: r = 1 / sqrt(mean(x^2) + eps) of each row, T the activations' dtype:
//   weight_before_cast (OLMo-2): out = T(w * (x * r));   else (Llama): out = T(w * T(x * r)).
#include "backend.hpp"
#include "lanes.hpp"

namespace afs::reference {
namespace {

class RmsNorm final : public Op {
public:
    explicit RmsNorm(const afs_query& query) : params_(Node(query).params<afs_rms_norm_params>()) {}

    static void query(Check& check, const afs_query&, afs_verdict& out) {
        const afs_value result = check.node().out();
        plugin::require_rms_norm(check);
        const size_t width = padded(static_cast<size_t>(std::max<int64_t>(0, result.dims[1])));
        check.answer(out, result.dtype, 2 * width * dtype_size(acc_dtype(result.dtype)));
    }

    Status run(const afs_run& run) override {
        const afs_tensor &x = run.inputs[0], &weight = run.inputs[1], &out = *run.output;
        AFS_TRY(check_rows("x", x, kAny, x.dims[1]));
        AFS_TRY(check_vector("weight", weight, x.dims[1]));
        AFS_TRY(check_rows("output", out, x.dims[0], x.dims[1]));
        return dispatch(out.dtype, [&](auto t) {
            using T = decltype(t);
            using A = Acc<T>;
            const size_t d = static_cast<size_t>(x.dims[1]);
            A *wide = static_cast<A*>(run.workspace), *w = wide + padded(d);
            widen_row(w, weight.data, weight.dtype, d);
            for (int64_t i = 0; i < x.dims[0]; ++i) {
                widen_row(wide, row<T>(x, i), x.dtype, d);
                const A mean = dot(wide, wide, padded(d)) / static_cast<A>(d);
                const A r = A{1} / std::sqrt(mean + static_cast<A>(params_.eps));
                for (size_t j = 0; j < d; ++j) {
                    const A normed = wide[j] * r;
                    row<T>(out, i)[j] = narrow<T>(
                        w[j] * (params_.weight_before_cast ? normed : rounded<T>(normed)));
                }
            }
            return Status();
        });
    }

private:
    afs_rms_norm_params params_;
};

}  // namespace

constexpr OpEntry kRmsNorm = entry<RmsNorm>("rms_norm/1");

}  // namespace afs::reference
