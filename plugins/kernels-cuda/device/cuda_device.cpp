#include "device/cuda_device.hpp"

#include <algorithm>

#include "device/error.hpp"

namespace afs::cuda {
namespace {

cudaStream_t stream_of(afs_stream stream) {
    return static_cast<cudaStream_t>(stream);
}
cudaEvent_t event_of(afs_event* event) {
    return reinterpret_cast<cudaEvent_t>(event);
}
cudaGraphExec_t exec_of(afs_capture* capture) {
    return reinterpret_cast<cudaGraphExec_t>(capture);
}

std::string mib(uint64_t bytes) {
    return std::to_string((bytes + (1u << 20) - 1) >> 20) + " MiB";
}

// For functions that have nobody to tell: the error may not stay behind in the runtime either.
void ignore(cudaError_t error) {
    if (error != cudaSuccess) static_cast<void>(cudaGetLastError());
}

}  // namespace

Status CudaDevice::enter() const {
    AFS_CUDA_TRY(cudaSetDevice(ordinal_));
    return {};
}

Status CudaDevice::info(afs_device_info& out) {
    AFS_TRY(enter());
    size_t available = 0, total = 0;
    AFS_CUDA_TRY(cudaMemGetInfo(&available, &total));
    if (name_.empty()) {  // reading all properties takes milliseconds
        cudaDeviceProp properties;
        AFS_CUDA_TRY(cudaGetDeviceProperties(&properties, ordinal_));
        name_ = properties.name;
    }
    out.flags = AFS_DEV_CAPTURE;
    out.total = total;
    out.available = available;
    put(out.domain, "cuda:" + std::to_string(ordinal_));
    put(out.name, name_);
    return {};
}

Result<void*> CudaDevice::alloc(int32_t place, uint64_t bytes) {
    AFS_TRY(enter());
    void* made = nullptr;
    const size_t size = std::max<uint64_t>(bytes, 1);
    const bool pinned = place == AFS_MEM_PINNED;
    const cudaError_t error =
        pinned ? cudaHostAlloc(&made, size, cudaHostAllocPortable) : cudaMalloc(&made, size);
    if (error == cudaSuccess) return made;
    const Status status = failure(error, pinned ? "cudaHostAlloc" : "cudaMalloc");
    if (error != cudaErrorMemoryAllocation) return status;
    size_t available = 0, total = 0;
    ignore(cudaMemGetInfo(&available, &total));
    const std::string what = pinned ? "out of pinned memory: needed " + mib(size)
                                    : "out of memory on cuda:" + std::to_string(ordinal_) +
                                          ": needed " + mib(size) + ", available " +
                                          mib(available) + " of " + mib(total);
    return Status(Code::no_memory, what, {}, status.native_code());
}

void CudaDevice::release(int32_t place, void* address) {
    if (!address || !enter().ok()) return;
    ignore(place == AFS_MEM_PINNED ? cudaFreeHost(address) : cudaFree(address));
}

Status CudaDevice::copy(afs_stream stream, int32_t how, void* to, const void* from,
                        uint64_t bytes) {
    AFS_TRY(enter());
    const cudaMemcpyKind kind = how == AFS_COPY_H2D   ? cudaMemcpyHostToDevice
                                : how == AFS_COPY_D2H ? cudaMemcpyDeviceToHost
                                                      : cudaMemcpyDeviceToDevice;
    AFS_CUDA_TRY(cudaMemcpyAsync(to, from, bytes, kind, stream_of(stream)));
    return {};
}

Status CudaDevice::fill(afs_stream stream, void* to, uint8_t byte, uint64_t bytes) {
    AFS_TRY(enter());
    AFS_CUDA_TRY(cudaMemsetAsync(to, byte, bytes, stream_of(stream)));
    return {};
}

Result<afs_stream> CudaDevice::stream_create() {
    AFS_TRY(enter());
    cudaStream_t made = nullptr;
    AFS_CUDA_TRY(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking));
    return static_cast<afs_stream>(made);
}

void CudaDevice::stream_destroy(afs_stream stream) {
    if (stream && enter().ok()) ignore(cudaStreamDestroy(stream_of(stream)));
}

Status CudaDevice::stream_sync(afs_stream stream) {
    AFS_TRY(enter());
    AFS_CUDA_TRY(cudaStreamSynchronize(stream_of(stream)));
    return {};
}

Result<afs_event*> CudaDevice::event_create() {
    AFS_TRY(enter());
    cudaEvent_t made = nullptr;
    AFS_CUDA_TRY(cudaEventCreateWithFlags(&made, cudaEventDisableTiming));
    return reinterpret_cast<afs_event*>(made);
}

void CudaDevice::event_destroy(afs_event* event) {
    if (event && enter().ok()) ignore(cudaEventDestroy(event_of(event)));
}

Status CudaDevice::event_record(afs_event* event, afs_stream stream) {
    AFS_TRY(enter());
    AFS_CUDA_TRY(cudaEventRecord(event_of(event), stream_of(stream)));
    return {};
}

Status CudaDevice::event_sync(afs_event* event) {
    AFS_TRY(enter());
    AFS_CUDA_TRY(cudaEventSynchronize(event_of(event)));
    return {};
}

Status CudaDevice::stream_wait(afs_stream stream, afs_event* event) {
    AFS_TRY(enter());
    AFS_CUDA_TRY(cudaStreamWaitEvent(stream_of(stream), event_of(event), 0));
    return {};
}

Status CudaDevice::capture_begin(afs_stream stream) {
    AFS_TRY(enter());
    AFS_CUDA_TRY(cudaStreamBeginCapture(stream_of(stream), cudaStreamCaptureModeThreadLocal));
    return {};
}

Result<afs_capture*> CudaDevice::capture_end(afs_stream stream, bool abandon) {
    AFS_TRY(enter());
    cudaGraph_t graph = nullptr;
    const cudaError_t ended = cudaStreamEndCapture(stream_of(stream), &graph);
    cudaGraphExec_t exec = nullptr;
    Status status;
    if (ended != cudaSuccess) {
        status = failure(ended, "cudaStreamEndCapture");
    } else if (!abandon) {
        const cudaError_t made = cudaGraphInstantiate(&exec, graph, 0);
        if (made != cudaSuccess) status = failure(made, "cudaGraphInstantiate");
    }
    if (graph) ignore(cudaGraphDestroy(graph));
    if (abandon) return static_cast<afs_capture*>(nullptr);
    if (!status.ok()) return status;
    return reinterpret_cast<afs_capture*>(exec);
}

Status CudaDevice::replay(afs_capture* capture, afs_stream stream) {
    AFS_TRY(enter());
    AFS_CUDA_TRY(cudaGraphLaunch(exec_of(capture), stream_of(stream)));
    return {};
}

void CudaDevice::capture_destroy(afs_capture* capture) {
    if (capture && enter().ok()) ignore(cudaGraphExecDestroy(exec_of(capture)));
}

Result<afs_event*> CudaDevice::timer_create() {
    AFS_TRY(enter());
    cudaEvent_t made = nullptr;
    AFS_CUDA_TRY(cudaEventCreate(&made));
    return reinterpret_cast<afs_event*>(made);
}

Result<double> CudaDevice::elapsed(afs_event* from, afs_event* to) {
    AFS_TRY(enter());
    float milliseconds = 0;
    AFS_CUDA_TRY(cudaEventElapsedTime(&milliseconds, event_of(from), event_of(to)));
    return static_cast<double>(milliseconds) / 1e3;
}

Result<double> CudaDevice::read_ceiling() {
    constexpr uint64_t kMost = uint64_t{4} << 30, kLeast = uint64_t{256} << 20;  // far above any L2
    AFS_TRY(enter());
    size_t available = 0, total = 0;
    AFS_CUDA_TRY(cudaMemGetInfo(&available, &total));
    const uint64_t bytes = std::min(kMost, available / 2 / 4096 * 4096);
    if (bytes < kLeast)
        return Status(Code::no_memory, "cannot measure the read ceiling: it needs " +
                                           mib(2 * kLeast) + ", available " + mib(available));
    AFS_ASSIGN(void* buffer, alloc(AFS_MEM_DEVICE, bytes));
    const auto measure = [&]() -> Result<double> {
        AFS_CUDA_TRY(cudaMemset(buffer, 0x5a, bytes));
        return best_read_rate(buffer, bytes - 16, static_cast<char*>(buffer) + bytes - 16);
    };
    Result<double> rate = measure();
    release(AFS_MEM_DEVICE, buffer);
    return rate;
}

}  // namespace afs::cuda
