// A loaded model plugin as an afs::ModelArchitecture.
#include "loader/open.hpp"
#include "loader/plugin_instance.hpp"

namespace afs {
namespace {

class ModelProxy final : public ModelArchitecture {
public:
    explicit ModelProxy(std::shared_ptr<PluginInstance> plugin)
        : plugin_(std::move(plugin)), table_(plugin_->table<afs_model>("afs.model/1")) {}

    int score(const afs_model_source& source) override {
        int32_t score = 0;
        const Status status = plugin_->call("score", [&](afs_error* e) {
            return table_.score(plugin_->self(), &source, &score, e);
        });
        return status.ok() ? score : 0;
    }
    Result<const afs_graph*> build(const afs_model_source& source, afs_model_info& info) override {
        const afs_graph* graph = nullptr;
        info = make<afs_model_info>();
        AFS_TRY(plugin_->call("build", [&](afs_error* e) {
            return table_.build(plugin_->self(), &source, &graph, &info, e);
        }));
        if (!graph) return Status(Code::internal, "build said yes but gave no graph");
        info.struct_size = sizeof info;
        info.summary[sizeof info.summary - 1] = '\0';
        return graph;
    }

private:
    std::shared_ptr<PluginInstance> plugin_;
    afs_model table_;
};

}  // namespace

Result<std::shared_ptr<ModelArchitecture>> open_model(std::shared_ptr<const PluginFile> file,
                                                      const OpenRequest& request) {
    AFS_ASSIGN(auto plugin, PluginInstance::open(std::move(file), request));
    return std::shared_ptr<ModelArchitecture>(std::make_shared<ModelProxy>(std::move(plugin)));
}

}  // namespace afs
