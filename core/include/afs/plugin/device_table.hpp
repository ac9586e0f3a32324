// The afs.device/1 table over a plugin's afs::Device. Included by afs/plugin/kernels.hpp.
#pragma once
#include "afs/plugin/export.hpp"

namespace afs {
namespace plugin {

// Runs f(Device&) -> Status on the plugin's device.
template <class F>
afs_status with_device(afs_instance* i, afs_error* e, const char* where, F&& f) noexcept {
    return guard(e, where, [&]() -> Status {
        Device* device = reinterpret_cast<KernelBackend*>(i)->device();
        if (!device) return Status(Code::internal, "afs.device/1 is listed but not implemented");
        return f(*device);
    });
}
// Runs f(Device&) -> Result<T> and stores its value in out.
template <class T, class F>
afs_status device_value(afs_instance* i, T* out, afs_error* e, const char* where, F&& f) noexcept {
    return with_device(i, e, where, [&](Device& device) -> Status {
        AFS_ASSIGN(*out, f(device));
        return {};
    });
}

inline afs_status device_info(afs_instance* i, afs_device_info* out, afs_error* e) {
    return with_device(i, e, "info", [&](Device& d) -> Status {
        afs_device_info info = make<afs_device_info>();
        AFS_TRY(d.info(info));
        write(out, info);
        return {};
    });
}
inline afs_status device_alloc(afs_instance* i, int32_t place, uint64_t bytes, void** out,
                               afs_error* e) {
    return device_value(i, out, e, "alloc", [&](Device& d) { return d.alloc(place, bytes); });
}
inline void device_release(afs_instance* i, int32_t place, void* address) {
    with_device(i, nullptr, "release", [&](Device& d) -> Status {
        d.release(place, address);
        return {};
    });
}
inline afs_status device_copy(afs_instance* i, afs_stream s, int32_t how, void* to,
                              const void* from, uint64_t bytes, afs_error* e) {
    return with_device(i, e, "copy", [&](Device& d) { return d.copy(s, how, to, from, bytes); });
}
inline afs_status device_fill(afs_instance* i, afs_stream s, void* to, uint8_t byte, uint64_t bytes,
                              afs_error* e) {
    return with_device(i, e, "fill", [&](Device& d) { return d.fill(s, to, byte, bytes); });
}
inline afs_status device_stream_create(afs_instance* i, afs_stream* out, afs_error* e) {
    return device_value(i, out, e, "stream_create", [](Device& d) { return d.stream_create(); });
}
inline void device_stream_destroy(afs_instance* i, afs_stream s) {
    with_device(i, nullptr, "stream_destroy", [&](Device& d) -> Status {
        d.stream_destroy(s);
        return {};
    });
}
inline afs_status device_stream_sync(afs_instance* i, afs_stream s, afs_error* e) {
    return with_device(i, e, "stream_sync", [&](Device& d) { return d.stream_sync(s); });
}
inline afs_status device_event_create(afs_instance* i, afs_event** out, afs_error* e) {
    return device_value(i, out, e, "event_create", [](Device& d) { return d.event_create(); });
}
inline void device_event_destroy(afs_instance* i, afs_event* event) {
    with_device(i, nullptr, "event_destroy", [&](Device& d) -> Status {
        d.event_destroy(event);
        return {};
    });
}
inline afs_status device_event_record(afs_instance* i, afs_event* event, afs_stream s,
                                      afs_error* e) {
    return with_device(i, e, "event_record", [&](Device& d) { return d.event_record(event, s); });
}
inline afs_status device_event_sync(afs_instance* i, afs_event* event, afs_error* e) {
    return with_device(i, e, "event_sync", [&](Device& d) { return d.event_sync(event); });
}
inline afs_status device_stream_wait(afs_instance* i, afs_stream s, afs_event* event,
                                     afs_error* e) {
    return with_device(i, e, "stream_wait", [&](Device& d) { return d.stream_wait(s, event); });
}
inline afs_status device_capture_begin(afs_instance* i, afs_stream s, afs_error* e) {
    return with_device(i, e, "capture_begin", [&](Device& d) { return d.capture_begin(s); });
}
inline afs_status device_capture_end(afs_instance* i, afs_stream s, afs_capture** out,
                                     afs_error* e) {
    return with_device(i, e, "capture_end", [&](Device& d) -> Status {
        AFS_ASSIGN(afs_capture * captured, d.capture_end(s, out == nullptr));
        if (out) *out = captured;
        return {};
    });
}
inline afs_status device_replay(afs_instance* i, afs_capture* c, afs_stream s, afs_error* e) {
    return with_device(i, e, "replay", [&](Device& d) { return d.replay(c, s); });
}
inline void device_capture_destroy(afs_instance* i, afs_capture* c) {
    with_device(i, nullptr, "capture_destroy", [&](Device& d) -> Status {
        d.capture_destroy(c);
        return {};
    });
}
inline afs_status device_read_ceiling(afs_instance* i, double* out, afs_error* e) {
    return device_value(i, out, e, "read_ceiling", [](Device& d) { return d.read_ceiling(); });
}
inline afs_status device_timer_create(afs_instance* i, afs_event** out, afs_error* e) {
    return device_value(i, out, e, "timer_create", [](Device& d) { return d.timer_create(); });
}
inline afs_status device_elapsed(afs_instance* i, afs_event* from, afs_event* to, double* out,
                                 afs_error* e) {
    return device_value(i, out, e, "elapsed", [&](Device& d) { return d.elapsed(from, to); });
}
inline constexpr afs_device kDevice = {sizeof(afs_device),
                                       0,
                                       device_info,
                                       device_alloc,
                                       device_release,
                                       device_copy,
                                       device_fill,
                                       device_stream_create,
                                       device_stream_destroy,
                                       device_stream_sync,
                                       device_event_create,
                                       device_event_destroy,
                                       device_event_record,
                                       device_event_sync,
                                       device_stream_wait,
                                       device_capture_begin,
                                       device_capture_end,
                                       device_replay,
                                       device_capture_destroy,
                                       device_read_ceiling,
                                       device_timer_create,
                                       device_elapsed};

}  // namespace plugin
}  // namespace afs
