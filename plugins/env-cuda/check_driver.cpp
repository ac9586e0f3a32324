// The driver: whether a GPU is there at all, whether kernel module and libraries belong together.

#include <charconv>
#include <filesystem>
#include <fstream>
#include <string>

#include "checks.hpp"
#include "nvml.hpp"
#include "versions.hpp"

namespace env_cuda {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// NVIDIA's display and 3D controllers on the PCI bus: what is built in, whatever the driver says.
size_t devices_on_bus() {
    size_t n = 0;
    std::error_code error;
    for (fs::directory_iterator it("/sys/bus/pci/devices", error), end; !error && it != end;
         it.increment(error))
        if (first_line(it->path() / "vendor") == "0x10de" &&
            first_line(it->path() / "class").rfind("0x03", 0) == 0)
            ++n;
    return n;
}

// "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  Tue ..." -> "580.95.05"
std::string kernel_module() {
    const std::string line = first_line("/proc/driver/nvidia/version");
    for (size_t at = line.find_first_of("0123456789"); at < line.size();) {
        const size_t end = std::min(line.find(' ', at), line.size());
        std::string word = line.substr(at, end - at);
        if (word.find('.') != std::string::npos &&
            word.find_first_not_of("0123456789.") == std::string::npos)
            return word;
        at = line.find_first_of("0123456789", end);
    }
    return "";
}

std::string why_absent(size_t on_bus, std::string& remedy) {
    if (on_bus == 0) {
        remedy = "nothing to do on a machine without a GPU: run with --kernels cpu or reference";
        return "no NVIDIA GPU on this machine, no driver";
    }
    remedy = fs::exists("/.dockerenv")
                 ? "start the container with --gpus all (NVIDIA Container Toolkit)"
                 : "install NVIDIA's driver (Debian: nvidia-driver of non-free), then restart";
    return std::to_string(on_bus) + " NVIDIA GPU on the bus, but no driver library";
}

}  // namespace

Findings check_driver() {
    const Nvml nvml;
    const std::string needed = "NVIDIA driver 580 or newer, for code of CUDA 13";
    if (!nvml.ready()) {
        std::string remedy;
        const std::string absent = why_absent(devices_on_bus(), remedy);
        afs::Finding out{AFS_CHECK_WARN, "driver", nvml.absent() ? absent : nvml.reason(), needed,
                         remedy};
        if (nvml.mismatch())
            out.remedy = "kernel module " + kernel_module() +
                         " and libraries differ since an update: restart the machine";
        else if (!nvml.absent())
            out.remedy =
                "ls -l /dev/nvidia*: the devices must be there and readable; "
                "in a container: --gpus all";
        return {out};
    }
    Findings out = {{AFS_CHECK_OK, "driver", nvml.driver_version(), needed, ""}};
    int major = 0;  // of "580.95.05"
    std::from_chars(out[0].found.data(), out[0].found.data() + out[0].found.size(), major);
    if (major < 580) {
        out[0].status = AFS_CHECK_WARN;
        out[0].remedy = "update the driver, or build with an older toolkit (preset fatbin)";
    }
    const std::string module = kernel_module();
    if (!module.empty())
        out.push_back({module == nvml.driver_version() ? AFS_CHECK_OK : AFS_CHECK_WARN,
                       "driver.kernel_module", module, "the same as the libraries' version",
                       module == nvml.driver_version() ? "" : "restart the machine"});
    const Version api = driver_api();
    const int cuda = nvml.cuda_version();
    if (api.number)
        out.push_back({AFS_CHECK_OK, "driver.cuda", "up to CUDA " + cuda_text(api.number), "", ""});
    else
        out.push_back({AFS_CHECK_FAIL, "driver.cuda", "libcuda.so.1: " + api.detail,
                       "the driver's own libcuda.so.1",
                       "install it (Debian: libcuda1); in a container: NVIDIA_DRIVER_CAPABILITIES "
                       "must hold compute"});
    if (api.number && cuda && api.number != cuda) {
        out.back().status = AFS_CHECK_INFO;
        out.back().found += " through " + api.where + ", the driver itself says " + cuda_text(cuda);
        out.back().remedy = "a forward-compatibility library is in use: drop it where not needed";
    }
    return out;
}

}  // namespace env_cuda
