// The functions of NVML that the checks use, declared here: the toolkit's header is not always
// there, the library comes with the driver. Names and types as in the NVML API reference.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "library.hpp"

namespace env_cuda {

using NvmlDevice = struct nvmlDevice_st*;

struct NvmlMemory {  // nvmlMemory_t, bytes
    unsigned long long total, free, used;
};

// What NVML says of one GPU; absent: the GPU does not support the question.
struct Gpu {
    std::string name;
    std::optional<NvmlMemory> memory;
    std::optional<int> capability_major, capability_minor;
    std::optional<bool> ecc, mig;
    std::optional<unsigned long long> uncorrected_errors;  // since the driver was loaded
    std::optional<unsigned> sm_clock, memory_clock;        // MHz, now
    std::optional<unsigned> max_sm_clock, max_memory_clock;
    std::optional<unsigned> power_limit, default_power_limit;  // mW
    std::optional<unsigned> temperature;                       // degrees Celsius
    std::optional<int> compute_mode;  // 0: default, 2: prohibited, 3: exclusive
};

class Nvml {
public:
    Nvml();
    ~Nvml();
    Nvml(const Nvml&) = delete;
    Nvml& operator=(const Nvml&) = delete;

    bool ready() const { return ready_; }
    // Why not: the library is absent, or what its own error says.
    const std::string& reason() const { return reason_; }
    bool absent() const { return !library_.loaded(); }
    bool mismatch() const { return code_ == 18; }  // NVML_ERROR_LIB_RM_VERSION_MISMATCH

    std::string driver_version() const;
    int cuda_version() const;  // 13000 is 13.0; 0: unknown
    std::vector<Gpu> gpus() const;

private:
    std::string text_of(int code) const;

    Library library_;
    bool ready_ = false;
    int code_ = 0;
    std::string reason_;
};

}  // namespace env_cuda
