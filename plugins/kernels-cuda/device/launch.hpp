// Launches of kernels that overlap the end of the kernel before them (programmatic dependent
// launch, compute capability 9.0 and later). Such a kernel calls wait_for_previous
// (kernels/overlap.cuh) before it touches what others write.
#pragma once
#include <algorithm>
#include <utility>

#include "device/error.hpp"
#include "device/kernel_list.hpp"

namespace afs::cuda {

// Of the current device; 0 where it does not answer.
inline int device_attribute(cudaDeviceAttr attribute) {
    int device = 0, value = 0;
    const bool known = cudaGetDevice(&device) == cudaSuccess &&
                       cudaDeviceGetAttribute(&value, attribute, device) == cudaSuccess;
    return known ? value : 0;
}
// Of kernels that have one block on each multiprocessor.
inline int n_blocks() {
    return std::max(1, device_attribute(cudaDevAttrMultiProcessorCount));
}
// Whether kernels may use what came with compute capability 9.0: overlap, clusters, the copy
// engine.
inline bool has_hopper() {
    return device_attribute(cudaDevAttrComputeCapabilityMajor) >= 9;
}

// Whether a warpgroup's products (kernels/wgmma.cuh) are there: on 9.0 alone.
inline bool has_wgmma() {
    return device_attribute(cudaDevAttrComputeCapabilityMajor) == 9;
}

struct Launch {
    dim3 grid, block;
    size_t shared_bytes = 0;
    cudaStream_t stream = nullptr;
    bool overlaps = true;
    unsigned cluster = 0;  // blocks of a cluster along x; 0: none
};

template <class... Parameters, class... Arguments>
Status launch(const Launch& how, void (*kernel)(Parameters...), Arguments&&... arguments) {
    list_kernel(reinterpret_cast<const void*>(kernel));
    cudaLaunchAttribute attributes[2] = {};
    unsigned n = 0;
    if (how.overlaps && has_hopper()) {
        attributes[n].id = cudaLaunchAttributeProgrammaticStreamSerialization;
        attributes[n++].val.programmaticStreamSerializationAllowed = 1;
    }
    if (how.cluster > 0) {
        attributes[n].id = cudaLaunchAttributeClusterDimension;
        attributes[n].val.clusterDim.x = how.cluster;
        attributes[n].val.clusterDim.y = attributes[n].val.clusterDim.z = 1;
        ++n;
    }
    cudaLaunchConfig_t config = {};
    config.gridDim = how.grid;
    config.blockDim = how.block;
    config.dynamicSmemBytes = how.shared_bytes;
    config.stream = how.stream;
    config.attrs = attributes;
    config.numAttrs = n;
    AFS_CUDA_TRY(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...));
    return {};
}

}  // namespace afs::cuda
