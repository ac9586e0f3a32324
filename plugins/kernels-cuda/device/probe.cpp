// Whether this machine has the device and this build has code for it, without making a context.
#include <cstdlib>
#include <cstring>

#include "device/cuda_device.hpp"
#include "device/error.hpp"

namespace afs::cuda {
namespace {

// "90a" runs on 9.0 alone; "80" on every later minor of its major too.
bool runs_on(const char* arch, int major, int minor) {
    char* rest = nullptr;
    const long number = std::strtol(arch, &rest, 10);
    const bool exact = *rest == 'a';
    return number / 10 == major && (exact ? number % 10 == minor : number % 10 <= minor);
}

bool built_for(int major, int minor) {
    for (const char* at = AFS_CUDA_ARCHITECTURES; at; at = std::strchr(at, ' ')) {
        if (*at == ' ') ++at;
        if (runs_on(at, major, minor)) return true;
    }
    return false;
}

}  // namespace

Status CudaDevice::probe(int ordinal) {
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error == cudaErrorInsufficientDriver) {
        int driver = 0, runtime = 0;
        static_cast<void>(cudaDriverGetVersion(&driver));
        static_cast<void>(cudaRuntimeGetVersion(&runtime));
        const Status status = failure(error, "cudaGetDeviceCount");
        const auto text = [](int version) {
            return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
        };
        return Status(Code::unsupported,
                      driver == 0
                          ? "no CUDA driver is installed: install NVIDIA's driver for CUDA " +
                                text(runtime) + " or later, or name other kernels"
                          : "the CUDA driver is too old: it offers " + text(driver) +
                                ", this build needs " + text(runtime) + "; update it",
                      {}, status.native_code());
    }
    if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0)) {
        static_cast<void>(cudaGetLastError());
        return Status(Code::unsupported,
                      "no CUDA device is visible: check nvidia-smi and "
                      "CUDA_VISIBLE_DEVICES, or name other kernels",
                      {}, static_cast<int64_t>(error));
    }
    if (error != cudaSuccess) return failure(error, "cudaGetDeviceCount");
    if (ordinal < 0 || ordinal >= count)
        return Status(Code::not_found, "there is no device cuda:" + std::to_string(ordinal) +
                                           ": this machine has " + std::to_string(count));
    int major = 0, minor = 0;
    AFS_CUDA_TRY(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, ordinal));
    AFS_CUDA_TRY(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, ordinal));
    if (built_for(major, minor)) return {};
    return Status(Code::unsupported,
                  "cuda:" + std::to_string(ordinal) + " has compute capability " +
                      std::to_string(major) + "." + std::to_string(minor) +
                      ", this build has code for " AFS_CUDA_ARCHITECTURES
                      ": build with preset fatbin, or set AFS_CUDA_ARCHITECTURES");
}

}  // namespace afs::cuda
