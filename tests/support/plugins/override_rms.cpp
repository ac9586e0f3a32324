// A single-op plugin as a stranger writes it: rms_norm/1 over the veneer, built by clang++ without
// this project's CMake. fp32, bf16 and fp16.
#include <cmath>

#include "afs/numeric.hpp"
#include "afs/plugin/kernels.hpp"

namespace {

class MyRms final : public afs::Op {
public:
    MyRms(const afs::Node& node, const afs::OpenArgs&)
        : params_(node.params<afs_rms_norm_params>()) {}

    static void query(const afs::Node& node, afs_verdict& out) {
        const int32_t t = node.out().dtype;
        out.supported = (t == AFS_F32 || t == AFS_BF16 || t == AFS_F16) && node.in(0).dtype == t &&
                        node.in(1).dtype == t;
        if (!out.supported) afs::put(out.reason, "x, weight and output of one 2- or 4-byte dtype");
        out.acc_dtype = out.internal_dtype = AFS_F32;
        out.flags = AFS_CAPTURE_SAFE | AFS_DETERMINISTIC | AFS_BATCH_INVARIANT;
    }
    afs::Status run(const afs_run& run) override {
        if (run.output->dtype == AFS_BF16) return rows<afs::bf16>(run);
        if (run.output->dtype == AFS_F16) return rows<afs::f16>(run);
        return rows<float>(run);
    }

private:
    template <class T>
    afs::Status rows(const afs_run& run) const {
        const afs_tensor &x = run.inputs[0], &out = *run.output;
        const T* weight = static_cast<const T*>(run.inputs[1].data);  // [d]
        for (int64_t i = 0; i < x.dims[0]; ++i) {
            const T* from = static_cast<const T*>(x.data) + i * x.strides[0];
            T* to = static_cast<T*>(out.data) + i * out.strides[0];
            float sum = 0;
            for (int64_t j = 0; j < x.dims[1]; ++j)
                sum += afs::to_float(from[j]) * afs::to_float(from[j]);
            const float r = 1 / std::sqrt(sum / static_cast<float>(x.dims[1]) + params_.eps);
            for (int64_t j = 0; j < x.dims[1]; ++j) {
                float v = afs::to_float(from[j]) * r;
                if (!params_.weight_before_cast) v = afs::to_float(afs::from_float<T>(v));
                to[j] = afs::from_float<T>(afs::to_float(weight[j]) * v);
            }
        }
        return {};
    }
    afs_rms_norm_params params_;
};

}  // namespace

AFS_OP_PLUGIN(MyRms, "test-rms", "0.1", "Apache-2.0", "cpu/1", "rms_norm/1");
