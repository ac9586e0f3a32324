// A kernels plugin reached as the host reaches it: dlopen, the exported descriptor, the C table.
#pragma once
#include <dlfcn.h>

#include <string>

#include "afs/kernels.hpp"

namespace afs::test {

class LoadedKernels final : public KernelBackend {
public:
    explicit LoadedKernels(const std::string& path) : why_not_(open(path)) {}
    ~LoadedKernels() override {
        if (instance_) plugin_->close(instance_);
    }
    LoadedKernels(const LoadedKernels&) = delete;
    LoadedKernels& operator=(const LoadedKernels&) = delete;

    const std::string& why_not() const { return why_not_; }  // empty: loaded and open
    const afs_plugin& plugin() const { return *plugin_; }

    Status query(const afs_query& query, afs_verdict& out) override {
        return call([&](afs_error* e) { return ops_->query(instance_, &query, &out, e); });
    }
    bool kv_layout(const afs_graph& graph, uint32_t group, uint32_t i,
                   afs_kv_layout& out) override {
        return ops_->kv_layouts(instance_, &graph, group, i, &out, nullptr) == AFS_OK;
    }
    Result<std::unique_ptr<Op>> prepare(const afs_query& query) override {
        afs_op* op = nullptr;
        AFS_TRY(call([&](afs_error* e) { return ops_->prepare(instance_, &query, &op, e); }));
        return std::unique_ptr<Op>(new Prepared(*this, op));
    }

private:
    class Prepared final : public Op {
    public:
        Prepared(LoadedKernels& owner, afs_op* op) : owner_(owner), op_(op) {}
        ~Prepared() override { owner_.ops_->drop(owner_.instance_, op_); }
        Status run(const afs_run& run) override {
            return owner_.call(
                [&](afs_error* e) { return owner_.ops_->run(owner_.instance_, op_, &run, e); });
        }

    private:
        LoadedKernels& owner_;
        afs_op* op_;
    };
    template <class F>
    Status call(F&& f) {
        afs_error error = make<afs_error>();
        const afs_status code = f(&error);
        return code == AFS_OK ? Status()
                              : Status(static_cast<Code>(code), error.message, error.where);
    }
    std::string open(const std::string& path) {
        library_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // stays loaded, as in the host
        if (!library_) return dlerror();
        plugin_ = static_cast<const afs_plugin*>(dlsym(library_, "afs_plugin_v0"));
        if (!plugin_) return "no symbol afs_plugin_v0";
        ops_ = static_cast<const afs_ops*>(plugin_->table("afs.ops/1"));
        if (!ops_) return "no table afs.ops/1";
        afs_open_args args = make<afs_open_args>();
        args.world = 1;
        afs_error error = make<afs_error>();
        return plugin_->open(&args, &instance_, &error) == AFS_OK ? "" : error.message;
    }

    void* library_ = nullptr;
    const afs_plugin* plugin_ = nullptr;
    const afs_ops* ops_ = nullptr;
    afs_instance* instance_ = nullptr;
    std::string why_not_;
};

}  // namespace afs::test
