// A loaded kernels plugin as an afs::KernelBackend: each virtual is one call through a C table.
#include <spdlog/spdlog.h>

#include "loader/device_proxy.hpp"
#include "loader/open.hpp"
#include "loader/plugin_instance.hpp"

namespace afs {
namespace {

template <size_t N>
void end_text(char (&text)[N]) {
    text[N - 1] = '\0';
}

// What a table function made: dropped through the same table, while its plugin is still open.
template <class Handle>
struct Made {
    std::shared_ptr<PluginInstance> plugin;
    void (*drop)(afs_instance*, Handle*);
    Handle* handle = nullptr;
    Made(std::shared_ptr<PluginInstance> p, void (*d)(afs_instance*, Handle*))
        : plugin(std::move(p)), drop(d) {}
    Made(const Made&) = delete;
    Made& operator=(const Made&) = delete;
    ~Made() {
        if (handle) plugin->quietly("drop", [&] { drop(plugin->self(), handle); });
    }
};

class OpProxy final : public Op {
public:
    OpProxy(const std::shared_ptr<PluginInstance>& plugin, const afs_ops& table)
        : made(plugin, table.drop), run_(table.run) {}
    Status run(const afs_run& run) override {
        return made.plugin->call(
            "run", [&](afs_error* e) { return run_(made.plugin->self(), made.handle, &run, e); });
    }
    Made<afs_op> made;

private:
    decltype(afs_ops::run) run_;
};

class ProgramProxy final : public GraphProgram {
public:
    ProgramProxy(const std::shared_ptr<PluginInstance>& plugin, const afs_graph_api& table)
        : made(plugin, table.drop), table_(table) {}
    Status bind(const afs_bind& bind, afs_stream stream) override {
        return made.plugin->call("bind", [&](afs_error* e) {
            return table_.bind(made.plugin->self(), made.handle, &bind, stream, e);
        });
    }
    Status exec(const afs_step& step, afs_stream stream) override {
        return made.plugin->call("exec", [&](afs_error* e) {
            return table_.exec(made.plugin->self(), made.handle, &step, stream, e);
        });
    }
    Status tap(uint32_t value, const afs_tensor* into) override {
        if (!table_.tap) return GraphProgram::tap(value, into);
        return made.plugin->call("tap", [&](afs_error* e) {
            return table_.tap(made.plugin->self(), made.handle, value, into, e);
        });
    }
    Made<afs_program> made;

private:
    afs_graph_api table_;
};

class PackerProxy final : public WeightPacker {
public:
    explicit PackerProxy(const PluginInstance& plugin)
        : plugin_(plugin), table_(plugin.table<afs_weights>("afs.weights/1")) {}
    Status plan(const afs_query& query, uint32_t value, const uint32_t* nodes, uint32_t n_nodes,
                afs_packing& out) override {
        out = make<afs_packing>();
        AFS_TRY(plugin_.call("weights.plan", [&](afs_error* e) {
            return table_.plan(plugin_.self(), &query, value, nodes, n_nodes, &out, e);
        }));
        out.struct_size = sizeof out;
        return {};
    }
    Status pack(const afs_query& query, uint32_t value, const afs_packing& packing,
                const afs_tensor& raw, void* packed, afs_stream stream) override {
        return plugin_.call("weights.pack", [&](afs_error* e) {
            return table_.pack(plugin_.self(), &query, value, &packing, &raw, packed, stream, e);
        });
    }

private:
    const PluginInstance& plugin_;
    afs_weights table_;
};

class GraphProxy final : public GraphBackend {
public:
    explicit GraphProxy(std::weak_ptr<PluginInstance> plugin, const PluginInstance& now)
        : plugin_(std::move(plugin)), table_(now.table<afs_graph_api>("afs.graph/1")) {}
    Status claim(const afs_query& query, const uint8_t* available, afs_claims& out) override {
        const auto plugin = plugin_.lock();
        out = make<afs_claims>();
        AFS_TRY(plugin->call("claim", [&](afs_error* e) {
            return table_.claim(plugin->self(), &query, available, &out, e);
        }));
        out.struct_size = sizeof out;
        end_text(out.reason);
        return {};
    }
    Result<std::unique_ptr<GraphProgram>> compile(const afs_query& query, const afs_region& region,
                                                  const afs_step& bucket,
                                                  afs_compiled& out) override {
        const auto plugin = plugin_.lock();
        auto program = std::make_unique<ProgramProxy>(plugin, table_);
        out = make<afs_compiled>();
        AFS_TRY(plugin->call("compile", [&](afs_error* e) {
            return table_.compile(plugin->self(), &query, &region, &bucket, &out,
                                  &program->made.handle, e);
        }));
        out.struct_size = sizeof out;
        if (!program->made.handle)
            return Status(Code::internal, "compile said yes but gave no program");
        return std::unique_ptr<GraphProgram>(std::move(program));
    }

private:
    std::weak_ptr<PluginInstance> plugin_;  // the backend around this object holds it
    afs_graph_api table_;
};

class BackendProxy final : public KernelBackend {
public:
    explicit BackendProxy(std::shared_ptr<PluginInstance> plugin)
        : plugin_(std::move(plugin)), ops_(plugin_->table<afs_ops>("afs.ops/1")) {
        const PluginFile& file = plugin_->file();
        if (file.lists("afs.weights/1")) packer_ = std::make_unique<PackerProxy>(*plugin_);
        if (file.lists("afs.graph/1")) graph_ = std::make_unique<GraphProxy>(plugin_, *plugin_);
        if (file.lists("afs.device/1")) device_ = std::make_unique<DeviceProxy>(*plugin_);
    }

    Status query(const afs_query& query, afs_verdict& out) override {
        out = make<afs_verdict>();
        if (!ops_.query) {
            put(out.reason, "offers no single ops (no afs.ops/1)");
            return {};
        }
        AFS_TRY(plugin_->call(
            "query", [&](afs_error* e) { return ops_.query(plugin_->self(), &query, &out, e); }));
        out.struct_size = sizeof out;
        end_text(out.reason);
        return {};
    }
    Result<std::unique_ptr<Op>> prepare(const afs_query& query) override {
        if (!ops_.prepare) return unsupported("offers no single ops (no afs.ops/1)");
        auto op = std::make_unique<OpProxy>(plugin_, ops_);
        AFS_TRY(plugin_->call("prepare", [&](afs_error* e) {
            return ops_.prepare(plugin_->self(), &query, &op->made.handle, e);
        }));
        if (!op->made.handle) return Status(Code::internal, "prepare said yes but gave no op");
        return std::unique_ptr<Op>(std::move(op));
    }
    bool kv_layout(const afs_graph& graph, uint32_t group, uint32_t i,
                   afs_kv_layout& out) override {
        if (!ops_.kv_layouts) return false;
        out = make<afs_kv_layout>();
        const Status status = plugin_->call("kv_layouts", [&](afs_error* e) {
            return ops_.kv_layouts(plugin_->self(), &graph, group, i, &out, e);
        });
        out.struct_size = sizeof out;
        if (!status.ok() && status.code() != Code::unsupported)
            spdlog::warn("{}", status.message());
        return status.ok();
    }
    std::string about() const override {
        char text[512] = "";
        if (!ops_.describe) return text;
        const Status status = plugin_->call("describe", [&](afs_error* e) {
            return ops_.describe(plugin_->self(), text, sizeof text, e);
        });
        end_text(text);
        return status.ok() ? std::string(text) : status.message();
    }
    WeightPacker* weights() override { return packer_.get(); }
    GraphBackend* graph() override { return graph_.get(); }
    Device* device() override { return device_.get(); }

private:
    std::shared_ptr<PluginInstance> plugin_;
    afs_ops ops_;
    std::unique_ptr<PackerProxy> packer_;
    std::unique_ptr<GraphProxy> graph_;
    std::unique_ptr<DeviceProxy> device_;
};

}  // namespace

Result<std::shared_ptr<KernelBackend>> open_kernels(std::shared_ptr<const PluginFile> file,
                                                    const OpenRequest& request) {
    AFS_ASSIGN(auto plugin, PluginInstance::open(std::move(file), request));
    return std::shared_ptr<KernelBackend>(std::make_shared<BackendProxy>(std::move(plugin)));
}

}  // namespace afs
