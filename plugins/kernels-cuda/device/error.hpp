// CUDA's return codes as Status: the call, cudaGetErrorString's words and the native code.
#pragma once
#include <cuda_runtime_api.h>

#include "afs/status.hpp"

namespace afs::cuda {

// Takes the error out of the runtime, so that the next good call does not report it again.
inline Status failure(cudaError_t error, const std::string& call) {
    static_cast<void>(cudaGetLastError());
    const Code code = error == cudaErrorMemoryAllocation ? Code::no_memory : Code::device;
    return Status(code,
                  call + " failed: " + cudaGetErrorString(error) + " (" + cudaGetErrorName(error) +
                      ", " + std::to_string(static_cast<int>(error)) + ")",
                  {}, static_cast<int64_t>(error));
}

// Whether the launch just made was accepted.
inline Status launched(const char* kernel) {
    const cudaError_t error = cudaGetLastError();
    return error == cudaSuccess ? Status() : failure(error, std::string("launch of ") + kernel);
}

// Kernels of one chain that share an SM must ask for the same division of its memory between L1 and
// shared memory: to change it the SM has to run empty first. All of ours ask for shared memory.
template <class Kernel>
Status prefer_shared(Kernel* kernel, int dynamic_bytes) {
    cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                             cudaSharedmemCarveoutMaxShared);
    if (error == cudaSuccess && dynamic_bytes > 0)
        error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     dynamic_bytes);
    return error == cudaSuccess ? Status() : failure(error, "cudaFuncSetAttribute");
}

}  // namespace afs::cuda

// Returns early where a CUDA call fails.
#define AFS_CUDA_TRY(call)                                                                         \
    do {                                                                                           \
        if (const cudaError_t afs_error_ = (call); afs_error_ != cudaSuccess)                      \
            return ::afs::cuda::failure(afs_error_, #call);                                        \
    } while (0)
