// Exports a KernelBackend, or one Op, as a kernels plugin.
//
//   class Mine final : public afs::KernelBackend {
//     public: static afs::Result<std::unique_ptr<afs::KernelBackend>> create(const afs::OpenArgs&);
//   ...};
//   AFS_KERNELS_PLUGIN(Mine, "mine", "0.1", "Apache-2.0", "cpu/1", nullptr, "afs.ops/1")
//
//   class MyRms final : public afs::Op {
//     public: MyRms(const afs::Node&, const afs::OpenArgs&);
//             static void query(const afs::Node&, afs_verdict&);
//             afs::Status run(const afs_run&) override; };
//   AFS_OP_PLUGIN(MyRms, "my-rms", "0.1", "Apache-2.0", "cpu/1", "rms_norm/1")
#pragma once
#include "afs/plugin/export.hpp"

namespace afs {
namespace plugin {

inline KernelBackend& backend(afs_instance* i) {
    return *reinterpret_cast<KernelBackend*>(i);
}

// ---- afs.ops/1
inline afs_status ops_query(afs_instance* i, const afs_query* q, afs_verdict* out, afs_error* e) {
    return guard(e, "query", [&]() -> Status {
        afs_verdict verdict = make<afs_verdict>();
        AFS_TRY(backend(i).query(read<afs_query>(q), verdict));
        write(out, verdict);
        return {};
    });
}
inline afs_status ops_kv_layouts(afs_instance* i, const afs_graph* g, uint32_t group, uint32_t wish,
                                 afs_kv_layout* out, afs_error* e) {
    return guard(e, "kv_layouts", [&]() -> Status {
        afs_kv_layout layout = make<afs_kv_layout>();
        if (!backend(i).kv_layout(read<afs_graph>(g), group, wish, layout))
            return unsupported("no further wish");
        write(out, layout);
        return {};
    });
}
inline afs_status ops_prepare(afs_instance* i, const afs_query* q, afs_op** out, afs_error* e) {
    return guard(e, "prepare", [&]() -> Status {
        AFS_ASSIGN(auto op, backend(i).prepare(read<afs_query>(q)));
        *out = reinterpret_cast<afs_op*>(op.release());
        return {};
    });
}
inline afs_status ops_run(afs_instance*, afs_op* op, const afs_run* run, afs_error* e) {
    return guard(e, "run", [&] { return reinterpret_cast<Op*>(op)->run(read<afs_run>(run)); });
}
inline void ops_drop(afs_instance*, afs_op* op) {
    quietly([&] { delete reinterpret_cast<Op*>(op); });
}
inline afs_status ops_describe(afs_instance* i, char* text, uint32_t size, afs_error* e) {
    return guard(e, "describe", [&]() -> Status {
        const std::string about = backend(i).about();
        const size_t n = about.size() < size ? about.size() : size - 1;
        if (size) std::memcpy(text, about.data(), n), text[n] = '\0';
        return {};
    });
}
inline constexpr afs_ops kOps = {sizeof(afs_ops), 0,       ops_query, ops_kv_layouts,
                                 ops_prepare,     ops_run, ops_drop,  ops_describe};

// ---- afs.weights/1
inline Status absent(const char* table) {
    return Status(Code::internal, std::string(table) + " is listed but not implemented");
}
inline afs_status weights_plan(afs_instance* i, const afs_query* q, uint32_t value,
                               const uint32_t* nodes, uint32_t n_nodes, afs_packing* out,
                               afs_error* e) {
    return guard(e, "weights.plan", [&]() -> Status {
        WeightPacker* packer = backend(i).weights();
        if (!packer) return absent("afs.weights/1");
        afs_packing packing = make<afs_packing>();
        AFS_TRY(packer->plan(read<afs_query>(q), value, nodes, n_nodes, packing));
        write(out, packing);
        return {};
    });
}
inline afs_status weights_pack(afs_instance* i, const afs_query* q, uint32_t value,
                               const afs_packing* p, const afs_tensor* raw, void* packed,
                               afs_stream stream, afs_error* e) {
    return guard(e, "weights.pack", [&]() -> Status {
        WeightPacker* packer = backend(i).weights();
        if (!packer) return absent("afs.weights/1");
        return packer->pack(read<afs_query>(q), value, read<afs_packing>(p), *raw, packed, stream);
    });
}
inline constexpr afs_weights kWeights = {sizeof(afs_weights), 0, weights_plan, weights_pack};

// ---- afs.graph/1
inline afs_status graph_claim(afs_instance* i, const afs_query* q, const uint8_t* available,
                              afs_claims* out, afs_error* e) {
    return guard(e, "claim", [&]() -> Status {
        GraphBackend* graph = backend(i).graph();
        if (!graph) return absent("afs.graph/1");
        afs_claims claims = make<afs_claims>();
        AFS_TRY(graph->claim(read<afs_query>(q), available, claims));
        write(out, claims);
        return {};
    });
}
inline afs_status graph_compile(afs_instance* i, const afs_query* q, const afs_region* region,
                                const afs_step* bucket, afs_compiled* out, afs_program** program,
                                afs_error* e) {
    return guard(e, "compile", [&]() -> Status {
        GraphBackend* graph = backend(i).graph();
        if (!graph) return absent("afs.graph/1");
        afs_compiled compiled = make<afs_compiled>();
        AFS_ASSIGN(auto made, graph->compile(read<afs_query>(q), read<afs_region>(region),
                                             read<afs_step>(bucket), compiled));
        write(out, compiled);
        *program = reinterpret_cast<afs_program*>(made.release());
        return {};
    });
}
inline GraphProgram& program(afs_program* p) {
    return *reinterpret_cast<GraphProgram*>(p);
}
inline afs_status graph_bind(afs_instance*, afs_program* p, const afs_bind* bind, afs_stream s,
                             afs_error* e) {
    return guard(e, "bind", [&] { return program(p).bind(read<afs_bind>(bind), s); });
}
inline afs_status graph_exec(afs_instance*, afs_program* p, const afs_step* step, afs_stream s,
                             afs_error* e) {
    return guard(e, "exec", [&] { return program(p).exec(read<afs_step>(step), s); });
}
inline afs_status graph_tap(afs_instance*, afs_program* p, uint32_t value, const afs_tensor* into,
                            afs_error* e) {
    return guard(e, "tap", [&] { return program(p).tap(value, into); });
}
inline void graph_drop(afs_instance*, afs_program* p) {
    quietly([&] { delete &program(p); });
}
inline constexpr afs_graph_api kGraph = {sizeof(afs_graph_api),
                                         0,
                                         graph_claim,
                                         graph_compile,
                                         graph_bind,
                                         graph_exec,
                                         graph_tap,
                                         graph_drop};

}  // namespace plugin
}  // namespace afs

#include "afs/plugin/device_table.hpp"  // kDevice

namespace afs {
namespace plugin {

inline const void* kernels_table(const char* const* provides, const char* id) {
    if (!listed(provides, id)) return nullptr;
    if (std::strcmp(id, "afs.ops/1") == 0) return &kOps;
    if (std::strcmp(id, "afs.weights/1") == 0) return &kWeights;
    if (std::strcmp(id, "afs.graph/1") == 0) return &kGraph;
    if (std::strcmp(id, "afs.device/1") == 0) return &kDevice;
    return nullptr;
}

// A backend of one op, from an Op class with a static query.
template <class OpClass>
class SingleOpBackend final : public KernelBackend {
public:
    SingleOpBackend(const OpenArgs& args, const char* op) : args_(args), op_(op) {}
    Status query(const afs_query& query, afs_verdict& out) override {
        const Node node(query);
        if (node.is(op_))
            OpClass::query(node, out);
        else
            put(out.reason, std::string("offers ") + op_ + " only, not " + node.op());
        return {};
    }
    Result<std::unique_ptr<Op>> prepare(const afs_query& query) override {
        return std::unique_ptr<Op>(new OpClass(Node(query), args_));
    }

private:
    OpenArgs args_;
    const char* op_;
};

}  // namespace plugin
}  // namespace afs

// Trailing arguments: the table ids it provides.
#define AFS_KERNELS_PLUGIN(Class, name, version, licence, domain, probe, ...)                      \
    static const char* const afs_provides[] = {__VA_ARGS__, nullptr};                              \
    static const void* afs_table(const char* id) {                                                 \
        return afs::plugin::kernels_table(afs_provides, id);                                       \
    }                                                                                              \
    AFS_DESCRIPTOR("kernels", name, version, licence, domain, probe,                               \
                   (afs::plugin::open_as<afs::KernelBackend, Class>), afs_table,                   \
                   afs::plugin::close_as<afs::KernelBackend>)

#define AFS_OP_PLUGIN(OpClass, name, version, licence, domain, op)                                 \
    namespace {                                                                                    \
    struct AfsSingleOp {                                                                           \
        static afs::Result<std::unique_ptr<afs::KernelBackend>> create(const afs::OpenArgs& a) {   \
            return std::unique_ptr<afs::KernelBackend>(                                            \
                new afs::plugin::SingleOpBackend<OpClass>(a, op));                                 \
        }                                                                                          \
    };                                                                                             \
    }                                                                                              \
    AFS_KERNELS_PLUGIN(AfsSingleOp, name, version, licence, domain, nullptr, "afs.ops/1")
