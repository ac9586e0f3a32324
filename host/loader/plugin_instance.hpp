// One opened plugin, and the way through its tables. Internal to the loader; the rest of the host
// sees the abstract classes of loader/open.hpp.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "afs/kernels.hpp"
#include "loader/crash_notice.hpp"
#include "loader/open.hpp"
#include "loader/plugin_file.hpp"

namespace afs {

// An error for one call. Not zeroed: 1 KiB a call would be most of a dispatch's cost.
struct ErrorSlot {
    afs_error error;
    ErrorSlot() {
        error.struct_size = sizeof error;
        error.code = AFS_OK;
        error.native_code = 0;
        error.where[0] = error.message[0] = '\0';
    }
};

class PluginInstance {
public:
    // Probes, then opens. name: what the config calls it.
    static Result<std::shared_ptr<PluginInstance>> open(std::shared_ptr<const PluginFile> file,
                                                        const OpenRequest& request);
    ~PluginInstance();
    PluginInstance(const PluginInstance&) = delete;
    PluginInstance& operator=(const PluginInstance&) = delete;

    afs_instance* self() const { return self_; }
    const PluginFile& file() const { return *file_; }

    // A copy of a table; functions that the plugin's version lacks are NULL.
    template <class Table>
    Table table(const char* id) const {
        const void* found = file_->table(id);
        return found ? read<Table>(found) : Table{};
    }

    // Calls f(afs_error*) -> afs_status. What it throws, against the contract, becomes an error.
    template <class F>
    Status call(const char* function, F&& f) const {
        ErrorSlot slot;
        afs_status code;
        const InPlugin here(name_.c_str(), function);
        try {
            code = f(&slot.error);
        } catch (...) {
            return threw(function);
        }
        if (code == AFS_OK) return {};
        return failure(function, code, slot.error);
    }
    // The same for functions that return nothing: what they throw is logged.
    template <class F>
    void quietly(const char* function, F&& f) const noexcept {
        const InPlugin here(name_.c_str(), function);
        try {
            f();
        } catch (...) {
            log_throw(function);
        }
    }

private:
    PluginInstance(std::shared_ptr<const PluginFile> file, const OpenRequest& request);
    Status threw(const char* function) const;
    Status failure(const char* function, afs_status code, const afs_error& error) const;
    void log_throw(const char* function) const noexcept;

    std::shared_ptr<const PluginFile> file_;
    std::string name_;
    std::vector<std::pair<std::string, std::string>> options_;
    std::vector<const char*> keys_, values_;
    afs_open_args args_{};
    afs_instance* self_ = nullptr;
};

// Functions of any plugin that threw since the last call, in this process: "mine.drop". A throw in
// a function without a status, or whose failure means no more than "none", is seen here only.
std::vector<std::string> take_throws();

// What plugins log through; spdlog behind it.
const afs_host& plugin_host();

// Asks a plugin whether this machine can run it; UNSUPPORTED with its reason, never a throw.
Status probe_plugin(const PluginFile& file, const afs_open_args& args);

}  // namespace afs
