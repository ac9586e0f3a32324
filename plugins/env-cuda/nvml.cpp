#include "nvml.hpp"

namespace env_cuda {
namespace {

constexpr int kSuccess = 0;
enum ClockType : int { kClockSm = 1, kClockMemory = 2 };

// Calls `name(device, arguments..)` where the library has it; false: absent, or it said no.
template <class... Arguments>
bool ask(const Library& library, const char* name, NvmlDevice device, Arguments... arguments) {
    auto* function = library.find<int(NvmlDevice, Arguments...)>(name);
    return function && function(device, arguments...) == kSuccess;
}

std::optional<unsigned> clock(const Library& library, const char* name, NvmlDevice device,
                              int type) {
    unsigned value = 0;
    if (!ask(library, name, device, type, &value)) return {};
    return value;
}

std::optional<unsigned> number(const Library& library, const char* name, NvmlDevice device) {
    unsigned value = 0;
    if (!ask(library, name, device, &value)) return {};
    return value;
}

Gpu describe(const Library& library, NvmlDevice device) {
    Gpu gpu;
    char name[96] = "";
    if (ask(library, "nvmlDeviceGetName", device, static_cast<char*>(name), unsigned{sizeof name}))
        gpu.name = name;
    NvmlMemory memory{};
    if (ask(library, "nvmlDeviceGetMemoryInfo", device, &memory)) gpu.memory = memory;
    int major = 0, minor = 0;
    if (ask(library, "nvmlDeviceGetCudaComputeCapability", device, &major, &minor)) {
        gpu.capability_major = major;
        gpu.capability_minor = minor;
    }
    int current = 0, pending = 0;
    if (ask(library, "nvmlDeviceGetEccMode", device, &current, &pending)) gpu.ecc = current == 1;
    unsigned mig = 0, mig_pending = 0;
    if (ask(library, "nvmlDeviceGetMigMode", device, &mig, &mig_pending)) gpu.mig = mig == 1;
    unsigned long long errors = 0;
    if (ask(library, "nvmlDeviceGetTotalEccErrors", device, 1, 0, &errors))
        gpu.uncorrected_errors = errors;
    gpu.sm_clock = clock(library, "nvmlDeviceGetClockInfo", device, kClockSm);
    gpu.memory_clock = clock(library, "nvmlDeviceGetClockInfo", device, kClockMemory);
    gpu.max_sm_clock = clock(library, "nvmlDeviceGetMaxClockInfo", device, kClockSm);
    gpu.max_memory_clock = clock(library, "nvmlDeviceGetMaxClockInfo", device, kClockMemory);
    gpu.power_limit = number(library, "nvmlDeviceGetPowerManagementLimit", device);
    gpu.default_power_limit = number(library, "nvmlDeviceGetPowerManagementDefaultLimit", device);
    gpu.temperature = clock(library, "nvmlDeviceGetTemperature", device, 0);
    int mode = 0;
    if (ask(library, "nvmlDeviceGetComputeMode", device, &mode)) gpu.compute_mode = mode;
    return gpu;
}

}  // namespace

Nvml::Nvml()
    : library_({"libnvidia-ml.so.1", "/usr/local/nvidia/lib64/libnvidia-ml.so.1",
                "/usr/lib/wsl/lib/libnvidia-ml.so.1"}) {
    if (!library_.loaded()) {
        reason_ = library_.reason();
        return;
    }
    auto* start = library_.find<int()>("nvmlInit_v2");
    if (!start) {
        reason_ = "'" + library_.path() + "' has no nvmlInit_v2";
        return;
    }
    code_ = start();
    ready_ = code_ == kSuccess;
    if (!ready_) reason_ = text_of(code_);
}

Nvml::~Nvml() {
    if (auto* stop = library_.find<int()>("nvmlShutdown"); ready_ && stop) stop();
}

std::string Nvml::text_of(int code) const {
    auto* error = library_.find<const char*(int)>("nvmlErrorString");
    const char* text = error ? error(code) : nullptr;
    return "NVML says: " + (text ? std::string(text) : "error " + std::to_string(code));
}

std::string Nvml::driver_version() const {
    char text[96] = "";
    auto* version = library_.find<int(char*, unsigned)>("nvmlSystemGetDriverVersion");
    return version && version(text, sizeof text) == kSuccess ? text : "";
}

int Nvml::cuda_version() const {
    int value = 0;
    auto* version = library_.find<int(int*)>("nvmlSystemGetCudaDriverVersion_v2");
    return version && version(&value) == kSuccess ? value : 0;
}

std::vector<Gpu> Nvml::gpus() const {
    std::vector<Gpu> out;
    auto* count = library_.find<int(unsigned*)>("nvmlDeviceGetCount_v2");
    auto* handle = library_.find<int(unsigned, NvmlDevice*)>("nvmlDeviceGetHandleByIndex_v2");
    unsigned n = 0;
    if (!count || !handle || count(&n) != kSuccess) return out;
    for (unsigned i = 0; i < n; ++i) {
        NvmlDevice device = nullptr;
        if (handle(i, &device) == kSuccess)
            out.push_back(describe(library_, device));
        else
            out.emplace_back();
    }
    return out;
}

}  // namespace env_cuda
