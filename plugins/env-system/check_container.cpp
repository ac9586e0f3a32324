// Whether this is a container or a virtual machine: both change what limits and devices are seen.
#include <cstdlib>
#include <cstring>

#include "checks.hpp"
#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace env_system {
namespace {

std::string container(const Machine& machine) {
    if (machine.has("/.dockerenv")) return "Docker";
    if (machine.has("/run/.containerenv")) return "Podman";
    if (machine.here() && std::getenv("KUBERNETES_SERVICE_HOST")) return "Kubernetes";
    if (const char* named = machine.here() ? std::getenv("container") : nullptr) return named;
    const std::string groups = machine.text("/proc/1/cgroup").value_or("");
    for (const char* mark : {"docker", "kubepods", "containerd", "lxc", "libpod"})
        if (groups.find(mark) != std::string::npos) return mark;
    return "";
}

// The hypervisor names itself in CPUID leaf 0x40000000.
std::string hypervisor(const Machine& machine) {
    std::string out;
#ifdef __x86_64__
    uint32_t a = 0, b = 0, c = 0, d = 0;
    if (machine.here() && __get_cpuid(1, &a, &b, &c, &d) && (c >> 31 & 1)) {
        __cpuid(0x40000000, a, b, c, d);
        char text[13] = {};
        std::memcpy(text, &b, 4);
        std::memcpy(text + 4, &c, 4);
        std::memcpy(text + 8, &d, 4);
        out = *text ? text : "a hypervisor without a name";
    }
#endif
    const std::string vendor = machine.line("/sys/class/dmi/id/sys_vendor").value_or("");
    if (!out.empty() && !vendor.empty()) out += " (" + vendor + ")";
    return out;
}

}  // namespace

Findings check_container(const Machine& machine, const afs::EnvironmentView&) {
    const std::string inside = container(machine), below = hypervisor(machine);
    return {
        {AFS_CHECK_INFO, "system.container", inside.empty() ? "none found" : inside, "", ""},
        {AFS_CHECK_INFO, "system.virtual_machine", below.empty() ? "none found" : below, "", ""}};
}

}  // namespace env_system
