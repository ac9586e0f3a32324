#include "loader/plugin_instance.hpp"

#include <cstring>
#include <mutex>
#include <utility>

#include <spdlog/spdlog.h>

namespace afs {
namespace {

void log_line(void*, int32_t level, const char* where, const char* text) {
    static constexpr spdlog::level::level_enum levels[] = {
        spdlog::level::trace, spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
        spdlog::level::err};
    const auto known = level < 0 ? 0 : level > AFS_LOG_ERROR ? AFS_LOG_ERROR : level;
    try {
        spdlog::log(levels[known], "{}: {}", where ? where : "plugin", text ? text : "");
    } catch (...) {  // a log line is never worth a failure in the plugin
    }
}

template <size_t N>
std::string text_of(const char (&from)[N]) {
    return std::string(from, strnlen(from, N));
}

bool known_code(afs_status code) {
    return code > AFS_OK && code <= AFS_E_CANCELLED;
}

// A failure of probe or open, which have no instance to ask.
Status early_failure(const PluginFile& file, const char* function, afs_status code,
                     const afs_error& error) {
    std::string message = text_of(error.message);
    if (message.empty()) message = "it gave no reason";
    return Status(known_code(code) ? static_cast<Code>(code) : Code::internal, message,
                  file.name + "." + function, error.native_code);
}

struct Throws {
    std::mutex mutex;
    std::vector<std::string> names;
};
Throws& throws() {
    static Throws all;
    return all;
}

void note_throw(const std::string& name) {
    constexpr size_t kMost = 100;  // nobody may ever ask
    Throws& all = throws();
    const std::lock_guard lock(all.mutex);
    if (all.names.size() < kMost) all.names.push_back(name);
}

}  // namespace

std::vector<std::string> take_throws() {
    Throws& all = throws();
    const std::lock_guard lock(all.mutex);
    return std::exchange(all.names, {});
}

const afs_host& plugin_host() {
    static const afs_host host = {sizeof(afs_host), 0, nullptr, log_line};
    return host;
}

Status probe_plugin(const PluginFile& file, const afs_open_args& args) {
    if (!file.descriptor.probe) return {};
    ErrorSlot slot;
    const InPlugin here(file.name.c_str(), "probe");
    try {
        const afs_status code = file.descriptor.probe(&args, &slot.error);
        if (code == AFS_OK) return {};
        return early_failure(file, "probe", code, slot.error)
            .context("cannot use plugin '" + file.path + "': its probe says no");
    } catch (...) {
        return Status(Code::internal, "cannot use plugin '" + file.path +
                                          "': its probe threw an exception across the contract");
    }
}

PluginInstance::PluginInstance(std::shared_ptr<const PluginFile> file, const OpenRequest& request)
    : file_(std::move(file)),
      name_(request.name.empty() ? file_->name : request.name),
      options_(request.options.begin(), request.options.end()) {
    for (const auto& [key, value] : options_) {
        keys_.push_back(key.c_str());
        values_.push_back(value.c_str());
    }
    args_ = make<afs_open_args>();
    args_.device = request.device;
    args_.rank = request.rank;
    args_.world = request.world;
    args_.host = &plugin_host();
    args_.n_options = static_cast<uint32_t>(keys_.size());
    args_.keys = keys_.data();
    args_.values = values_.data();
}

Result<std::shared_ptr<PluginInstance>> PluginInstance::open(std::shared_ptr<const PluginFile> file,
                                                             const OpenRequest& request) {
    std::shared_ptr<PluginInstance> made(new PluginInstance(std::move(file), request));
    const PluginFile& plugin = *made->file_;
    AFS_TRY(probe_plugin(plugin, made->args_));
    const std::string failed = "cannot open plugin '" + plugin.path + "'";
    ErrorSlot slot;
    afs_status code;
    const InPlugin here(made->name_.c_str(), "open");
    try {
        code = plugin.descriptor.open(&made->args_, &made->self_, &slot.error);
    } catch (...) {
        made->self_ = nullptr;
        return Status(Code::internal, failed + ": it threw an exception across the contract");
    }
    if (code != AFS_OK) {
        made->self_ = nullptr;  // what a failed open stored is nothing to close
        return early_failure(plugin, "open", code, slot.error).context(failed);
    }
    if (!made->self_) return Status(Code::internal, failed + ": it said yes but gave no instance");
    return made;
}

PluginInstance::~PluginInstance() {
    if (self_) quietly("close", [&] { file_->descriptor.close(self_); });
}

Status PluginInstance::threw(const char* function) const {
    note_throw(name_ + "." + function);
    return Status(Code::internal,
                  "plugin '" + name_ + "' threw an exception across the contract in " + function,
                  name_ + "." + function);
}

Status PluginInstance::failure(const char* function, afs_status code,
                               const afs_error& error) const {
    std::string message = text_of(error.message), where = text_of(error.where);
    if (message.empty())
        message = "plugin '" + name_ + "' failed in " + function + " without a message";
    if (!known_code(code)) message += " (unknown status " + std::to_string(code) + ")";
    return Status(known_code(code) ? static_cast<Code>(code) : Code::internal, message,
                  name_ + "." + (where.empty() ? std::string(function) : where), error.native_code);
}

void PluginInstance::log_throw(const char* function) const noexcept {
    const std::string_view name(name_);
    try {
        spdlog::error("{}.{} threw an exception across the contract", name, function);
        note_throw(name_ + "." + function);
    } catch (...) {  // nothing is left to tell it to
    }
}

}  // namespace afs
