#include "machine/processors.hpp"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <thread>

namespace afs::cpu {
namespace {

// cgroup v2: "200000 100000" are two processors' worth of time, "max 100000" is no limit.
unsigned quota() {
    std::ifstream file("/sys/fs/cgroup/cpu.max");
    std::string most;
    double period = 0;
    if (!(file >> most >> period) || most == "max" || period <= 0) return 0;
    const double processors = std::strtod(most.c_str(), nullptr) / period;
    return processors >= 1 ? static_cast<unsigned>(processors) : 1;
}

}  // namespace

unsigned usable_processors() {
    unsigned n = std::thread::hardware_concurrency();
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) n = static_cast<unsigned>(CPU_COUNT(&set));
    if (const unsigned limit = quota()) n = std::min(n, limit);
    return std::max(1u, n);
}

}  // namespace afs::cpu
