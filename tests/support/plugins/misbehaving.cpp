// add/1 and nothing else, right until option "how" says otherwise: crash, hang, exit, leak, hog,
// workspace, exact, refuse, once, or "throws in SLOT" of the C table, which the veneer never lets
// happen. Each is one ending that conformance must tell from the others.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "afs/numeric.hpp"
#include "afs/plugin/kernels.hpp"

namespace {

using afs::Node;
using afs::Status;

class Add final : public afs::Op {
public:
    Add(const Node& node, std::string how) : dtype_(node.out().dtype), how_(std::move(how)) {
        if (how_ == "leak") lost_ = std::malloc(4096);
    }
    Status run(const afs_run& run) override {
        if (how_ == "crash") raise(SIGSEGV);
        if (how_ == "once" && run.output->dims[1] == 17) std::abort();
        if (how_ == "hang")
            for (;;) pause();
        if (how_ == "exit") _exit(3);
        if (how_ == "refuse") return afs::unsupported("not today");
        if (how_ == "workspace") std::memset(run.workspace, 0, 80);
        if (how_ == "hog")
            for (;;) std::memset(new char[1 << 22], 1, 1 << 22);
        const afs_tensor &a = run.inputs[0], &b = run.inputs[1], &out = *run.output;
        for (int64_t i = 0; i < out.dims[0]; ++i)
            for (int64_t j = 0; j < out.dims[1]; ++j)
                store(out, i, j, load(a, i, j) + load(b, i, j));
        return {};
    }

private:
    float load(const afs_tensor& t, int64_t i, int64_t j) const {
        const int64_t at = i * t.strides[0] + j;
        if (dtype_ == AFS_F32) return static_cast<const float*>(t.data)[at];
        return afs::to_float(static_cast<const afs::bf16*>(t.data)[at]);
    }
    void store(const afs_tensor& t, int64_t i, int64_t j, float x) const {
        const int64_t at = i * t.strides[0] + j;
        if (dtype_ == AFS_F32)
            static_cast<float*>(t.data)[at] = x;
        else
            static_cast<afs::bf16*>(t.data)[at] = afs::to_bf16(x);
    }
    int32_t dtype_;
    std::string how_;
    void* lost_ = nullptr;
};

std::string& throwing_slot() {
    static std::string slot;
    return slot;
}

class Backend final : public afs::KernelBackend {
public:
    static afs::Result<std::unique_ptr<KernelBackend>> create(const afs::OpenArgs& args) {
        auto made = std::make_unique<Backend>();
        made->how_ = args.option("how", "");
        throwing_slot() = made->how_.rfind("throws in ", 0) == 0 ? made->how_.substr(10) : "";
        return std::unique_ptr<KernelBackend>(std::move(made));
    }
    Status query(const afs_query& query, afs_verdict& out) override {
        const Node node(query);
        out.supported =
            node.is("add/1") && (node.out().dtype == AFS_F32 || node.out().dtype == AFS_BF16);
        if (afs::read<afs_limits>(query.limits).step_class > AFS_CLASS_DECODE) out.supported = 0;
        if (!out.supported) afs::put(out.reason, "offers add/1 in fp32 and bf16 only");
        // the mistake of some: a newer host's structs are longer
        if (how_ == "exact" && query.graph->nodes[0]->struct_size != sizeof(afs_node))
            return afs::invalid("expected an afs_node of " + std::to_string(sizeof(afs_node)) +
                                " bytes, found " +
                                std::to_string(query.graph->nodes[0]->struct_size));
        out.acc_dtype = out.internal_dtype = AFS_F32;
        out.flags = AFS_CAPTURE_SAFE | AFS_DETERMINISTIC | AFS_BATCH_INVARIANT;
        out.workspace_bytes = 64;
        return {};
    }
    afs::Result<std::unique_ptr<afs::Op>> prepare(const afs_query& query) override {
        auto verdict = afs::make<afs_verdict>();
        AFS_TRY(this->query(query, verdict));
        if (!verdict.supported) return afs::unsupported(verdict.reason);
        return std::unique_ptr<afs::Op>(new Add(Node(query), how_));
    }

private:
    std::string how_;
};

// The veneer's function, unless its slot is the one that throws.
template <auto Function, class... Args>
auto slot(const char* name, Args... args) {
    if (throwing_slot() == name) throw std::runtime_error(name);
    return Function(args...);
}

namespace veneer = afs::plugin;
constexpr afs_ops kOps = {
    sizeof(afs_ops),
    0,
    [](auto... a) { return slot<veneer::ops_query>("query", a...); },
    [](auto... a) { return slot<veneer::ops_kv_layouts>("kv_layouts", a...); },
    [](auto... a) { return slot<veneer::ops_prepare>("prepare", a...); },
    [](auto... a) { return slot<veneer::ops_run>("run", a...); },
    [](auto... a) { return slot<veneer::ops_drop>("drop", a...); },
    [](auto... a) { return slot<veneer::ops_describe>("describe", a...); }};

constexpr const char* kProvides[] = {"afs.ops/1", nullptr};
const void* table(const char* id) {
    if (throwing_slot() == "table") throw std::runtime_error("table");
    return std::strcmp(id, kProvides[0]) == 0 ? &kOps : nullptr;
}
void close_plugin(afs_instance* i) {
    slot<veneer::close_as<afs::KernelBackend>>("close", i);
}

}  // namespace

extern "C" const afs_plugin afs_plugin_v0 = {sizeof(afs_plugin),
                                             AFS_ABI_MAJOR,
                                             AFS_ABI_MINOR,
                                             "kernels",
                                             "test-misbehaving",
                                             "0.1",
                                             "Apache-2.0",
                                             AFS_BUILD_INFO,
                                             "cpu/1",
                                             kProvides,
                                             nullptr,
                                             veneer::open_as<afs::KernelBackend, Backend>,
                                             table,
                                             close_plugin};
