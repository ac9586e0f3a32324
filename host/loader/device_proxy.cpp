#include "loader/device_proxy.hpp"

namespace afs {

Status DeviceProxy::info(afs_device_info& out) {
    out = make<afs_device_info>();
    AFS_TRY(ask("info", table_.info, &out));
    out.struct_size = sizeof out;
    out.domain[sizeof out.domain - 1] = out.name[sizeof out.name - 1] = '\0';
    return {};
}

Result<void*> DeviceProxy::alloc(int32_t place, uint64_t bytes) {
    void* address = nullptr;
    AFS_TRY(ask("alloc", table_.alloc, place, bytes, &address));
    return address;
}

void DeviceProxy::release(int32_t place, void* address) {
    plugin_.quietly("release", [&] { table_.release(plugin_.self(), place, address); });
}

Status DeviceProxy::copy(afs_stream stream, int32_t how, void* to, const void* from,
                         uint64_t bytes) {
    return ask("copy", table_.copy, stream, how, to, from, bytes);
}

Status DeviceProxy::fill(afs_stream stream, void* to, uint8_t byte, uint64_t bytes) {
    return ask("fill", table_.fill, stream, to, byte, bytes);
}

Result<afs_stream> DeviceProxy::stream_create() {
    afs_stream stream = nullptr;
    AFS_TRY(ask("stream_create", table_.stream_create, &stream));
    return stream;
}

void DeviceProxy::stream_destroy(afs_stream stream) {
    plugin_.quietly("stream_destroy", [&] { table_.stream_destroy(plugin_.self(), stream); });
}

Status DeviceProxy::stream_sync(afs_stream stream) {
    return ask("stream_sync", table_.stream_sync, stream);
}

Result<afs_event*> DeviceProxy::event_create() {
    afs_event* event = nullptr;
    AFS_TRY(ask("event_create", table_.event_create, &event));
    return event;
}

void DeviceProxy::event_destroy(afs_event* event) {
    plugin_.quietly("event_destroy", [&] { table_.event_destroy(plugin_.self(), event); });
}

Status DeviceProxy::event_record(afs_event* event, afs_stream stream) {
    return ask("event_record", table_.event_record, event, stream);
}

Status DeviceProxy::event_sync(afs_event* event) {
    return ask("event_sync", table_.event_sync, event);
}

Status DeviceProxy::stream_wait(afs_stream stream, afs_event* event) {
    return ask("stream_wait", table_.stream_wait, stream, event);
}

Status DeviceProxy::capture_begin(afs_stream stream) {
    return ask("capture_begin", table_.capture_begin, stream);
}

Result<afs_capture*> DeviceProxy::capture_end(afs_stream stream, bool abandon) {
    afs_capture* captured = nullptr;
    AFS_TRY(ask("capture_end", table_.capture_end, stream, abandon ? nullptr : &captured));
    return captured;
}

Status DeviceProxy::replay(afs_capture* capture, afs_stream stream) {
    return ask("replay", table_.replay, capture, stream);
}

void DeviceProxy::capture_destroy(afs_capture* capture) {
    if (!table_.capture_destroy) return;
    plugin_.quietly("capture_destroy", [&] { table_.capture_destroy(plugin_.self(), capture); });
}

Result<double> DeviceProxy::read_ceiling() {
    double bytes_per_second = 0;
    AFS_TRY(ask("read_ceiling", table_.read_ceiling, &bytes_per_second));
    return bytes_per_second;
}

Result<afs_event*> DeviceProxy::timer_create() {
    afs_event* event = nullptr;
    AFS_TRY(ask("timer_create", table_.timer_create, &event));
    return event;
}

Result<double> DeviceProxy::elapsed(afs_event* from, afs_event* to) {
    double seconds = 0;
    AFS_TRY(ask("elapsed", table_.elapsed, from, to, &seconds));
    return seconds;
}

}  // namespace afs
