#include "afs/weights/available_memory.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace afs {
namespace {

// The number in a one-line file; "max" and unreadable files count as no limit.
uint64_t number_in(const std::string& file) {
    std::ifstream in(file);
    uint64_t number = 0;
    return in >> number ? number : UINT64_MAX;
}

uint64_t machine_available() {
    std::ifstream in("/proc/meminfo");
    for (std::string name, rest; in >> name; std::getline(in, rest)) {
        uint64_t kib = 0;
        if (name == "MemAvailable:" && in >> kib) return kib << 10;
    }
    return UINT64_MAX;
}

// Bytes of page cache that the group could give back.
uint64_t reclaimable(const std::string& stat_file, const std::string& key) {
    std::ifstream in(stat_file);
    uint64_t bytes = 0;
    for (std::string name; in >> name >> bytes;)
        if (name == key) return bytes;
    return 0;
}

uint64_t group_available(const std::string& folder, const char* limit, const char* usage,
                         const char* cache) {
    const uint64_t most = number_in(folder + limit), used = number_in(folder + usage);
    if (most == UINT64_MAX || used == UINT64_MAX) return UINT64_MAX;
    const uint64_t held = used - std::min(used, reclaimable(folder + "memory.stat", cache));
    return most > held ? most - held : 0;
}

// What `ulimit -v` leaves.
uint64_t address_space_available() {
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
    const uint64_t pages = number_in("/proc/self/statm");
    if (pages == UINT64_MAX) return limit.rlim_cur;
    const uint64_t used = pages * static_cast<uint64_t>(sysconf(_SC_PAGE_SIZE));
    return limit.rlim_cur - std::min<uint64_t>(used, limit.rlim_cur);
}

}  // namespace

uint64_t available_memory() {
    uint64_t least = std::min(machine_available(), address_space_available());
    // Second generation: this group and all above it; first generation: its own folder.
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        const size_t colon = line.rfind(':');
        if (line.rfind("0::", 0) == 0) {
            for (std::string path = line.substr(3);; path.resize(path.rfind('/'))) {
                const std::string folder = "/sys/fs/cgroup" + (path == "/" ? "" : path) + "/";
                least = std::min(least, group_available(folder, "memory.max", "memory.current",
                                                        "inactive_file"));
                if (path.empty() || path == "/") break;
            }
        } else if (line.find(":memory:") != std::string::npos && colon != std::string::npos) {
            for (const std::string& path : {line.substr(colon + 1), std::string()})
                least = std::min(
                    least,
                    group_available("/sys/fs/cgroup/memory" + path + "/", "memory.limit_in_bytes",
                                    "memory.usage_in_bytes", "total_inactive_file"));
        }
    }
    return least;
}

}  // namespace afs
