#include "device/kernel_list.hpp"

#include <cuda_runtime_api.h>

#include <cstdlib>
#include <fstream>
#include <mutex>
#include <set>

namespace afs::cuda {

void list_kernel(const void* kernel) {
    static const char* const path = std::getenv("AFS_CUDA_KERNEL_LIST");
    if (!path) return;
    static std::mutex mutex;
    static std::set<const void*> seen;
    const std::lock_guard<std::mutex> lock(mutex);
    if (!seen.insert(kernel).second) return;
    const char* name = nullptr;
    if (cudaFuncGetName(&name, kernel) != cudaSuccess || !name) {
        static_cast<void>(cudaGetLastError());
        name = "unknown";
    }
    std::ofstream(path, std::ios::app) << name << '\n';
}

}  // namespace afs::cuda
