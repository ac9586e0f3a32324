// A guest in domain "fake/1": rms_norm/1 on the memory and the streams of the plugin that owns it.
#include "afs/plugin/kernels.hpp"
#include "fake_ops.hpp"

namespace {

class Guest final : public afs::KernelBackend {
public:
    static afs::Result<std::unique_ptr<afs::KernelBackend>> create(const afs::OpenArgs&) {
        return std::unique_ptr<afs::KernelBackend>(new Guest);
    }
    afs::Status query(const afs_query& query, afs_verdict& out) override {
        if (afs::Node(query).is("rms_norm/1"))
            afs_test::answer(query, out);
        else
            afs::put(out.reason, "offers rms_norm/1 only");
        return {};
    }
    afs::Result<std::unique_ptr<afs::Op>> prepare(const afs_query& query) override {
        return std::unique_ptr<afs::Op>(new afs_test::FakeOp(afs::Node(query)));
    }
};

}  // namespace

AFS_KERNELS_PLUGIN(Guest, "test-fakeguest", "0.1", "Apache-2.0", "fake/1", nullptr, "afs.ops/1");
