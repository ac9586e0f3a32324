// kernels-cpu: every op with the best instructions of the processor it runs on, chosen when it is
// opened, and a pool of threads.
#include "afs/plugin/kernels.hpp"
#include "packer.hpp"

namespace afs::cpu {
namespace {

constexpr const OpEntry* kOps[] = {&kEmbed,     &kRmsNorm, &kLinear, &kRope,       &kKvAppend,
                                   &kAttention, &kSwiglu,  &kAdd,    &kSelectRows, &kSample};

const OpEntry* find(const char* id) {
    for (const OpEntry* op : kOps)
        if (std::strcmp(op->id, id) == 0) return op;
    return nullptr;
}

class Backend final : public KernelBackend {
public:
    Backend(Options options, Choice choice)
        : context_(std::move(options), std::move(choice)), packer_(context_) {}
    static Result<std::unique_ptr<KernelBackend>> create(const OpenArgs& args) {
        AFS_ASSIGN(Options options, read_options(args));
        AFS_ASSIGN(Choice choice, choose(this_processor(), options.instruction_set));
        return std::unique_ptr<KernelBackend>(new Backend(std::move(options), std::move(choice)));
    }
    std::string about() const override {
        const unsigned n = context_.pool.size();
        return std::string(name_of(context_.choice.set)) + ", " + std::to_string(n) +
               (n == 1 ? " thread: " : " threads: ") + context_.choice.reason;
    }
    WeightPacker* weights() override { return &packer_; }

    Status query(const afs_query& query, afs_verdict& out) override {
        const OpEntry* op = find(Node(query).op());
        if (!op) {
            put(out.reason, std::string("no op ") + Node(query).op() + " in this plugin");
            return {};
        }
        OpCheck check(query, {AFS_F32, AFS_BF16, AFS_F16}, true);
        check.require(check.limits().step_class <= AFS_CLASS_DECODE,
                      "step class " + std::to_string(check.limits().step_class) +
                          ": only general and decode are known");
        op->query(check, context_, out);
        return {};
    }
    Result<std::unique_ptr<Op>> prepare(const afs_query& query) override {
        afs_verdict verdict = make<afs_verdict>();
        AFS_TRY(this->query(query, verdict));
        if (!verdict.supported) return unsupported(verdict.reason);
        return find(Node(query).op())->prepare(query, context_);
    }

private:
    Context context_;
    Packer packer_;
};

}  // namespace
}  // namespace afs::cpu

AFS_KERNELS_PLUGIN(afs::cpu::Backend, "cpu", "0.1.0", "Apache-2.0", "cpu/1", nullptr, "afs.ops/1",
                   "afs.weights/1");
