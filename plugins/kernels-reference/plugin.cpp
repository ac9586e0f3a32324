// kernels-reference: every op, written to be read first. fp32 arithmetic (fp64 where the
// activations are fp64: the judge), weights read in their own dtype or block format, each element
// of an output summed in one fixed order: its bits depend on neither batch nor chunk, block size
// nor machine.
#include "afs/plugin/kernels.hpp"
#include "backend.hpp"

namespace afs::reference {
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
    static Result<std::unique_ptr<KernelBackend>> create(const OpenArgs&) {
        return std::unique_ptr<KernelBackend>(new Backend);
    }
    Status query(const afs_query& query, afs_verdict& out) override {
        const OpEntry* op = find(Node(query).op());
        if (!op) {
            put(out.reason, std::string("no op ") + Node(query).op() + " in this plugin");
            return {};
        }
        if (limits_of(query).step_class > AFS_CLASS_DECODE) {
            put(out.reason, "step class " + std::to_string(limits_of(query).step_class) +
                                ": only general and decode are known");
            return {};
        }
        Check check(query);
        op->query(check, query, out);
        return {};
    }
    Result<std::unique_ptr<Op>> prepare(const afs_query& query) override {
        afs_verdict verdict = make<afs_verdict>();
        AFS_TRY(this->query(query, verdict));
        if (!verdict.supported) return unsupported(verdict.reason);
        return find(Node(query).op())->prepare(query);
    }

private:
    static afs_limits limits_of(const afs_query& query) { return read<afs_limits>(query.limits); }
};

}  // namespace
}  // namespace afs::reference

AFS_KERNELS_PLUGIN(afs::reference::Backend, "reference", "0.1.0", "Apache-2.0", "cpu/1", nullptr,
                   "afs.ops/1");
