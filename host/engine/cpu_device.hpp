// The domain the host itself owns: "cpu/1", plain memory, synchronous, no capture.
#pragma once
#include "afs/kernels.hpp"

namespace afs {

class CpuDevice final : public Device {
public:
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
    // Best of several read sweeps over 512 MiB on every core the process may use.
    Result<double> read_ceiling() override;
};

}  // namespace afs
