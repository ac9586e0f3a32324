// Each GPU as NVML has it. Nothing is allocated: a busy GPU is not disturbed.
#include <cstdio>

#include "checks.hpp"
#include "nvml.hpp"

namespace env_cuda {
namespace {

std::string mib(unsigned long long bytes) {
    return std::to_string(bytes >> 20) + " MiB";
}

std::string watts(unsigned milliwatts) {
    char text[32];
    std::snprintf(text, sizeof text, "%.0f W", milliwatts / 1000.0);
    return text;
}

afs::Finding capability(const Gpu& gpu) {
    afs::Finding out{AFS_CHECK_WARN, "capability", "unknown",
                     "9.0 for the default build; 8.0, 8.6, 8.9, 10.0, 12.0 with preset fatbin", ""};
    if (!gpu.capability_major) return out;
    const int number = *gpu.capability_major * 10 + *gpu.capability_minor;
    out.found = std::to_string(*gpu.capability_major) + "." + std::to_string(*gpu.capability_minor);
    if (number == 90) {
        out.status = AFS_CHECK_OK;
    } else if (number >= 80) {
        out.status = AFS_CHECK_INFO;
        out.remedy = "build with the code for this GPU: AFS_PRESET=fatbin ./setup.sh";
    } else {
        out.remedy = "this GPU is too old for the kernels: run with --kernels cpu";
    }
    return out;
}

afs::Finding ecc(const Gpu& gpu) {
    afs::Finding out{AFS_CHECK_INFO, "ecc", "not supported", "", ""};
    if (gpu.ecc) out.found = *gpu.ecc ? "on" : "off";
    if (gpu.uncorrected_errors && *gpu.uncorrected_errors > 0) {
        out.status = AFS_CHECK_FAIL;
        out.found += ", " + std::to_string(*gpu.uncorrected_errors) + " uncorrected errors";
        out.needed = "no uncorrected error";
        out.remedy = "results cannot be trusted: reset the GPU or have it replaced";
    }
    return out;
}

afs::Finding mig(const Gpu& gpu) {
    afs::Finding out{AFS_CHECK_OK, "mig", gpu.mig ? (*gpu.mig ? "on" : "off") : "not supported", "",
                     ""};
    if (gpu.mig && *gpu.mig) {
        out.status = AFS_CHECK_INFO;
        out.remedy = "a slice has part of memory and bandwidth: compare speeds only with like ones";
    }
    return out;
}

afs::Finding power(const Gpu& gpu) {
    afs::Finding out{AFS_CHECK_INFO, "power_limit", "not supported", "", ""};
    if (!gpu.power_limit) return out;
    out.found = watts(*gpu.power_limit);
    if (gpu.default_power_limit && *gpu.power_limit < *gpu.default_power_limit) {
        out.status = AFS_CHECK_WARN;
        out.needed = watts(*gpu.default_power_limit) + ", the default";
        out.remedy = "as root: nvidia-smi -pl " + std::to_string(*gpu.default_power_limit / 1000);
    }
    return out;
}

afs::Finding compute_mode(const Gpu& gpu) {
    afs::Finding out{AFS_CHECK_OK, "compute_mode", "default", "", ""};
    if (gpu.compute_mode == 2) {
        out.status = AFS_CHECK_FAIL;
        out.found = "prohibited";
        out.remedy = "as root: nvidia-smi -c DEFAULT";
    } else if (gpu.compute_mode && *gpu.compute_mode != 0) {
        out.status = AFS_CHECK_INFO;
        out.found = "exclusive: one process at a time";
    }
    return out;
}

std::string clocks(std::optional<unsigned> sm, std::optional<unsigned> memory) {
    const auto text = [](std::optional<unsigned> mhz) {
        return mhz ? std::to_string(*mhz) + " MHz" : std::string("unknown");
    };
    return "SM " + text(sm) + ", memory " + text(memory);
}

void describe(const Gpu& gpu, const std::string& prefix, Findings& out) {
    if (gpu.name.empty()) {
        out.push_back({AFS_CHECK_FAIL, prefix + "name", "this GPU does not answer", "",
                       "it may have fallen off the bus: dmesg | grep -i xid; restart the machine"});
        return;
    }
    const auto add = [&](afs::Finding finding) {
        finding.name = prefix + finding.name;
        out.push_back(std::move(finding));
    };
    add({AFS_CHECK_OK, "name", gpu.name, "", ""});
    if (gpu.memory) {
        add({AFS_CHECK_OK, "memory", mib(gpu.memory->total), "", ""});
        add({AFS_CHECK_INFO, "memory.free", mib(gpu.memory->free), "", "", true});
    }
    add(capability(gpu));
    add(ecc(gpu));
    add(mig(gpu));
    add(power(gpu));
    add(compute_mode(gpu));
    add({AFS_CHECK_INFO, "clocks.max", clocks(gpu.max_sm_clock, gpu.max_memory_clock), "", ""});
    add({AFS_CHECK_INFO, "clocks.now", clocks(gpu.sm_clock, gpu.memory_clock), "", "", true});
    if (gpu.temperature)
        add({AFS_CHECK_INFO, "temperature", std::to_string(*gpu.temperature) + " C", "", "", true});
}

}  // namespace

Findings check_gpus() {
    const Nvml nvml;
    if (!nvml.ready()) return {{AFS_CHECK_INFO, "gpus", "none can be used: see driver", "", ""}};
    const std::vector<Gpu> gpus = nvml.gpus();
    Findings out = {{gpus.empty() ? AFS_CHECK_WARN : AFS_CHECK_OK, "gpus",
                     std::to_string(gpus.size()), "", ""}};
    if (gpus.empty())
        out[0].remedy = "the driver sees no GPU: nvidia-smi -L; in a container: --gpus all";
    for (size_t i = 0; i < gpus.size(); ++i)
        describe(gpus[i], "gpu." + std::to_string(i) + ".", out);
    return out;
}

}  // namespace env_cuda
