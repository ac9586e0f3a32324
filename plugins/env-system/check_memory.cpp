// Main memory: what the machine has, what a container grants of it, what is free now.
#include <algorithm>
#include <cstdlib>

#include "checks.hpp"

namespace env_system {
namespace {

constexpr uint64_t kGib = uint64_t{1} << 30;

uint64_t meminfo(const Machine& machine, const char* key) {
    const auto text = machine.field("/proc/meminfo", key);  // "24651188 kB"
    return text ? std::strtoull(text->c_str(), nullptr, 10) * 1024 : 0;
}

// The least of the limits that hold this process; 0: none.
uint64_t container_limit(const Machine& machine) {
    uint64_t least = 0;
    for (const char* file :
         {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"})
        if (const auto limit = machine.number(file))
            least = least ? std::min(least, *limit) : *limit;
    return least;
}

}  // namespace

Findings check_memory(const Machine& machine, const afs::EnvironmentView&) {
    const uint64_t total = meminfo(machine, "MemTotal"), limit = container_limit(machine);
    uint64_t usable = total;
    afs::Finding size{
        AFS_CHECK_OK, "memory.size", total ? gib(total) : "unknown",
        "2 GiB for the bundled models; a checkpoint's size and a third more for others", ""};
    if (limit && total && limit < total) {
        size.found += ", of which this container may use " + gib(limit);
        usable = limit;
    }
    if (usable && usable < 2 * kGib) {
        size.status = AFS_CHECK_WARN;
        size.remedy = "raise the container's limit or take a machine with more memory";
    }
    afs::Finding available{
        AFS_CHECK_INFO, "memory.available", gib(meminfo(machine, "MemAvailable")), "", "", true};
    if (limit && limit < total)
        if (const auto used = machine.number("/sys/fs/cgroup/memory.current"))
            available.found += "; this container has used " + gib(*used);
    return {size, available};
}

}  // namespace env_system
