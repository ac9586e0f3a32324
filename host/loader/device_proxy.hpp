// A plugin's afs.device/1 as an afs::Device.
#pragma once
#include "loader/plugin_instance.hpp"

namespace afs {

class DeviceProxy final : public Device {
public:
    // plugin outlives this object: the backend that holds both keeps it.
    explicit DeviceProxy(const PluginInstance& plugin)
        : plugin_(plugin), table_(plugin.table<afs_device>("afs.device/1")) {}

    Status info(afs_device_info& out) override;
    Result<void*> alloc(int32_t place, uint64_t bytes) override;
    void release(int32_t place, void* address) override;
    Status copy(afs_stream stream, int32_t how, void* to, const void* from,
                uint64_t bytes) override;
    Status fill(afs_stream stream, void* to, uint8_t byte, uint64_t bytes) override;
    Result<afs_stream> stream_create() override;
    void stream_destroy(afs_stream stream) override;
    Status stream_sync(afs_stream stream) override;
    Result<afs_event*> event_create() override;
    void event_destroy(afs_event* event) override;
    Status event_record(afs_event* event, afs_stream stream) override;
    Status event_sync(afs_event* event) override;
    Status stream_wait(afs_stream stream, afs_event* event) override;
    Status capture_begin(afs_stream stream) override;
    Result<afs_capture*> capture_end(afs_stream stream, bool abandon) override;
    Status replay(afs_capture* capture, afs_stream stream) override;
    void capture_destroy(afs_capture* capture) override;
    Result<double> read_ceiling() override;
    Result<afs_event*> timer_create() override;
    Result<double> elapsed(afs_event* from, afs_event* to) override;

private:
    // Calls a function of the table as f(self, args..., error).
    template <class Function, class... Args>
    Status ask(const char* name, Function function, Args... args) const {
        if (!function) return unsupported(std::string("afs.device/1 lacks ") + name);
        return plugin_.call(name,
                            [&](afs_error* e) { return function(plugin_.self(), args..., e); });
    }

    const PluginInstance& plugin_;
    afs_device table_;
};

}  // namespace afs
