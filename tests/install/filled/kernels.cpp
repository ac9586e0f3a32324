// rms_norm/1 of the plugin 'mine', filled in.
#include <cmath>

#include "afs/numeric.hpp"
#include "afs/plugin/kernels.hpp"

namespace {

class Mine final : public afs::Op {
    afs_rms_norm_params params_;

public:
    Mine(const afs::Node& node, const afs::OpenArgs&)
        : params_(node.params<afs_rms_norm_params>()) {}

    static void query(const afs::Node& node, afs_verdict& out) {
        out.supported = node.out().dtype == AFS_BF16 && node.in(1).dtype == AFS_BF16;
        if (!out.supported) afs::put(out.reason, "bf16 only");
        out.acc_dtype = out.internal_dtype = AFS_F32;
        out.flags = AFS_CAPTURE_SAFE | AFS_DETERMINISTIC | AFS_BATCH_INVARIANT;
    }

    afs::Status run(const afs_run& run) override {
        const auto* weight = static_cast<const afs::bf16*>(run.inputs[1].data);  // [d]
        const int64_t n = run.output->dims[0], d = run.output->dims[1];
        for (int64_t i = 0; i < n; ++i) {
            const auto* x = static_cast<const afs::bf16*>(run.inputs[0].data) + i * d;
            auto* y = static_cast<afs::bf16*>(run.output->data) + i * d;
            float sum = 0;
            for (int64_t j = 0; j < d; ++j) sum += afs::to_float(x[j]) * afs::to_float(x[j]);
            const float r = 1 / std::sqrt(sum / static_cast<float>(d) + params_.eps);
            for (int64_t j = 0; j < d; ++j) {
                float v = afs::to_float(x[j]) * r;
                if (!params_.weight_before_cast) v = afs::to_float(afs::to_bf16(v));
                y[j] = afs::to_bf16(afs::to_float(weight[j]) * v);
            }
        }
        return {};
    }
};

}  // namespace

AFS_OP_PLUGIN(Mine, "mine", "0.1", "Apache-2.0", "cpu/1", "rms_norm/1");
