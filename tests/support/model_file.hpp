// A model plugin opened the plain way (dlopen, the descriptor, the C table), without the host.
#pragma once
#include <dlfcn.h>

#include <stdexcept>
#include <string>

#include "afs/abi/model.h"
#include "afs/kernels.hpp"  // make

namespace afs::test {

class ModelFile {
public:
    explicit ModelFile(const std::string& family) {
        const std::string path =
            std::string(AFS_BUILD_DIR "/plugins/afs-model-").append(family).append(".so");
        void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // stays, as in the host
        if (!library) throw std::runtime_error(dlerror());
        plugin_ = static_cast<const afs_plugin*>(dlsym(library, "afs_plugin_v0"));
        if (!plugin_) throw std::runtime_error(path + " exports no afs_plugin_v0");
        table_ = static_cast<const afs_model*>(plugin_->table("afs.model/1"));
        if (!table_) throw std::runtime_error(path + " has no table afs.model/1");
        const afs_open_args args = make<afs_open_args>();
        afs_error failure = make<afs_error>();
        if (plugin_->open(&args, &instance_, &failure) != AFS_OK)
            throw std::runtime_error(failure.message);
    }
    ~ModelFile() { plugin_->close(instance_); }
    ModelFile(const ModelFile&) = delete;
    ModelFile& operator=(const ModelFile&) = delete;

    int score(const std::string& config, bool is_gguf = false) {
        afs_model_source source = make<afs_model_source>();
        source.config_json = config.c_str();
        source.is_gguf = is_gguf;
        int32_t out = -1;
        table_->score(instance_, &source, &out, nullptr);
        return out;
    }
    // NULL where the plugin refuses; code and error then say why.
    const afs_graph* build(const std::string& config, int32_t dtype = AFS_F32,
                           const char* generation = nullptr) {
        afs_model_source source = make<afs_model_source>();
        source.dtype = dtype;
        source.world = 1;
        source.config_json = config.c_str();
        source.generation_json = generation;
        return build(source);
    }
    const afs_graph* build(const afs_model_source& source) {
        const afs_graph* graph = nullptr;
        info = make<afs_model_info>();
        afs_error failure = make<afs_error>();
        code = table_->build(instance_, &source, &graph, &info, &failure);
        error = code == AFS_OK ? "" : failure.message;
        return code == AFS_OK ? graph : nullptr;
    }

    afs_model_info info = make<afs_model_info>();
    afs_status code = AFS_OK;
    std::string error;

private:
    const afs_plugin* plugin_ = nullptr;
    const afs_model* table_ = nullptr;
    afs_instance* instance_ = nullptr;
};

}  // namespace afs::test
