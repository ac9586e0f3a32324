// The owner of the memory domain cuda:N: afs.device/1 over the CUDA runtime. A stream is a
// cudaStream_t of the device's primary context, an event a cudaEvent_t, a capture a
// cudaGraphExec_t; pinned memory has one address on host and device.
#pragma once
#include <cuda_runtime_api.h>

#include <string>

#include "afs/kernels.hpp"

namespace afs::cuda {

class CudaDevice final : public Device {
public:
    explicit CudaDevice(int ordinal) : ordinal_(ordinal) {}

    // Whether this machine has the device and this build has code for it. Takes no device memory.
    static Status probe(int ordinal);
    // Makes the device current for the calling thread; the first call creates its context.
    Status enter() const;

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
    int ordinal_;
    std::string name_;  // once asked for
};

// Bytes a second that a kernel reads from `bytes` bytes at `from`: the best of a sweep over grids.
Result<double> best_read_rate(const void* from, uint64_t bytes, void* scratch);

}  // namespace afs::cuda
