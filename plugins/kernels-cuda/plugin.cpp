// kernels-cuda: every op in hand-written CUDA, and the owner of the memory domain cuda:N.
#include "afs/plugin/kernels.hpp"
#include "backend.hpp"
#include "device/cuda_device.hpp"
#include "step/program.hpp"

namespace afs::cuda {
namespace {

constexpr const OpEntry* kOps[] = {&kEmbed,     &kRmsNorm, &kLinear, &kRope,       &kKvAppend,
                                   &kAttention, &kSwiglu,  &kAdd,    &kSelectRows, &kSample};

const OpEntry* find(const char* id) {
    for (const OpEntry* op : kOps)
        if (std::strcmp(op->id, id) == 0) return op;
    return nullptr;
}

// Launches go to the device that the backend was opened for, whatever thread calls.
class OnDevice final : public Op {
public:
    OnDevice(const CudaDevice& device, std::unique_ptr<Op> op)
        : device_(device), op_(std::move(op)) {}
    Status run(const afs_run& run) override {
        AFS_TRY(device_.enter());
        return op_->run(run);
    }

private:
    const CudaDevice& device_;
    std::unique_ptr<Op> op_;
};

// Options of the plugin: "fuse", and for measurements "pages_in_flight".
Result<StepOptions> step_options(const OpenArgs& args) {
    StepOptions options;
    for (const auto& [key, value] : args.options) {
        if (key == "fuse" && (value == "true" || value == "false"))
            options.fuse = value == "true";
        else if (key == "pages_in_flight" && value.size() == 1 && value >= "1" && value <= "8")
            options.in_flight = value[0] - '0';
        else
            return invalid("option '" + key + "' = " + value +
                           ": expected fuse (true or false) or pages_in_flight (1 to 8)");
    }
    return options;
}

class Backend final : public KernelBackend {
public:
    Backend(const OpenArgs& args, const StepOptions& step)
        : device_(static_cast<int>(args.device)),
          step_(
              find, [this] { return device_.enter(); }, step) {}
    static Result<std::unique_ptr<KernelBackend>> create(const OpenArgs& args) {
        AFS_ASSIGN(const StepOptions step, step_options(args));
        auto made = std::make_unique<Backend>(args, step);
        AFS_TRY(CudaDevice::probe(static_cast<int>(args.device)));
        AFS_TRY(made->device_.enter());
        return std::unique_ptr<KernelBackend>(std::move(made));
    }
    Device* device() override { return &device_; }
    GraphBackend* graph() override { return &step_; }

    Status query(const afs_query& query, afs_verdict& out) override {
        const OpEntry* op = find(Node(query).op());
        if (!op) {
            put(out.reason, std::string("no op ") + Node(query).op() + " in this plugin");
            return {};
        }
        OpCheck check(query, {AFS_F32, AFS_BF16, AFS_F16});
        check.require(check.limits().step_class <= AFS_CLASS_DECODE,
                      "step class " + std::to_string(check.limits().step_class) +
                          ": only general and decode are known");
        op->query(check, out);
        return {};
    }
    Result<std::unique_ptr<Op>> prepare(const afs_query& query) override {
        afs_verdict verdict = make<afs_verdict>();
        AFS_TRY(this->query(query, verdict));
        if (!verdict.supported) return unsupported(verdict.reason);
        AFS_TRY(device_.enter());
        return std::unique_ptr<Op>(new OnDevice(device_, find(Node(query).op())->prepare(query)));
    }

private:
    CudaDevice device_;
    StepGraph step_;
};

afs_status probe(const afs_open_args* args, afs_error* error) {
    return plugin::guard(error, "probe", [&] {
        return CudaDevice::probe(static_cast<int>(read<afs_open_args>(args).device));
    });
}

}  // namespace
}  // namespace afs::cuda

AFS_KERNELS_PLUGIN(afs::cuda::Backend, "cuda", "0.1.0", "Apache-2.0", "cuda/1", afs::cuda::probe,
                   "afs.ops/1", "afs.graph/1", "afs.device/1");
