// Opens a built plugin's file the plain way (dlopen, the descriptor, open), without the host.
#pragma once
#include <dlfcn.h>

#include <stdexcept>
#include <string>

#include "afs/kernels.hpp"
#include "afs/model.hpp"

namespace afs_test {

class PluginFile {
public:
    // name: "model-olmo2"; options: sorted keys and their values.
    explicit PluginFile(const std::string& name) {
        const std::string path = std::string(AFS_BUILD_DIR) + "/plugins/afs-" + name + ".so";
        library_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!library_) throw std::runtime_error(dlerror());
        plugin_ = static_cast<const afs_plugin*>(dlsym(library_, "afs_plugin_v0"));
        if (!plugin_) throw std::runtime_error(path + " exports no afs_plugin_v0");
        const afs_open_args args = afs::make<afs_open_args>();
        afs_error error = afs::make<afs_error>();
        if (plugin_->open(&args, &instance_, &error) != AFS_OK)
            throw std::runtime_error(error.message);
    }
    ~PluginFile() {
        plugin_->close(instance_);  // the library itself stays, as in the host
    }
    PluginFile(const PluginFile&) = delete;
    PluginFile& operator=(const PluginFile&) = delete;

    template <class Table>
    const Table& table(const char* id) const {
        const void* found = plugin_->table(id);
        if (!found) throw std::runtime_error(std::string("no table ") + id);
        return *static_cast<const Table*>(found);
    }
    const afs_plugin& plugin() const { return *plugin_; }
    afs_instance* instance() const { return instance_; }

private:
    void* library_ = nullptr;
    const afs_plugin* plugin_ = nullptr;
    afs_instance* instance_ = nullptr;
};

// A model plugin: what build gave, or its message.
class ModelFile : public PluginFile {
public:
    explicit ModelFile(const std::string& family) : PluginFile("model-" + family) {}

    int score(const std::string& config) {
        afs_model_source source = afs::make<afs_model_source>();
        source.config_json = config.c_str();
        int32_t out = -1;
        table<afs_model>("afs.model/1").score(instance(), &source, &out, nullptr);
        return out;
    }
    // NULL where the plugin refuses; error then holds why.
    const afs_graph* build(const std::string& config, int32_t dtype = AFS_F32,
                           const char* generation = nullptr) {
        afs_model_source source = afs::make<afs_model_source>();
        source.dtype = dtype;
        source.world = 1;
        source.config_json = config.c_str();
        source.generation_json = generation;
        return build(source);
    }
    const afs_graph* build(const afs_model_source& source) {
        const afs_graph* graph = nullptr;
        info = afs::make<afs_model_info>();
        afs_error failure = afs::make<afs_error>();
        code = table<afs_model>("afs.model/1").build(instance(), &source, &graph, &info, &failure);
        error = code == AFS_OK ? "" : failure.message;
        return code == AFS_OK ? graph : nullptr;
    }

    afs_model_info info = afs::make<afs_model_info>();
    afs_status code = AFS_OK;
    std::string error;
};

}  // namespace afs_test
