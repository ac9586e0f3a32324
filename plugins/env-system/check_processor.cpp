// The processor, the instruction sets that processor and system together allow, and the cores.
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "checks.hpp"
#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace env_system {
namespace {

struct Registers {
    uint32_t a = 0, b = 0, c = 0, d = 0;
};

#ifdef __x86_64__
Registers cpuid(uint32_t leaf, uint32_t sub = 0) {
    Registers r;
    if (!__get_cpuid_count(leaf, sub, &r.a, &r.b, &r.c, &r.d)) return {};
    return r;
}

// Which register sets the system saves at a switch of threads (XCR0); 0: it says nothing.
uint64_t saved_registers() {
    if (!(cpuid(1).c >> 27 & 1)) return 0;  // OSXSAVE
    uint32_t low = 0, high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return uint64_t{high} << 32 | low;
}

// Linux hands AMX tiles out on request: arch_prctl(ARCH_GET_XCOMP_SUPP).
bool tiles_on_request() {
    uint64_t supported = 0;
    return syscall(SYS_arch_prctl, 0x1021, &supported) == 0 && (supported >> 18 & 1);
}

std::string brand() {
    std::string out;
    for (uint32_t leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
        const Registers r = cpuid(leaf);
        for (const uint32_t part : {r.a, r.b, r.c, r.d}) {
            char text[4];
            std::memcpy(text, &part, 4);
            out.append(text, 4);
        }
    }
    out.resize(std::strlen(out.c_str()));
    out.erase(0, out.find_first_not_of(' '));
    return out;
}
#endif

struct Instruction {
    const char* name;
    bool there;          // the processor has it
    uint64_t registers;  // bits of XCR0 that it needs
};

// Intel SDM vol. 2A, CPUID.
std::vector<Instruction> instructions() {
#ifdef __x86_64__
    const Registers one = cpuid(1), seven = cpuid(7), more = cpuid(7, 1);
    const auto bit = [](uint32_t reg, int n) { return (reg >> n & 1) != 0; };
    const uint64_t ymm = 0x6, zmm = 0xe6, tile = 0x60000;
    return {{"SSE4.2", bit(one.c, 20), 0},          {"AVX", bit(one.c, 28), ymm},
            {"AVX2", bit(seven.b, 5), ymm},         {"FMA", bit(one.c, 12), ymm},
            {"F16C", bit(one.c, 29), ymm},          {"AVX-VNNI", bit(more.a, 4), ymm},
            {"AVX512F", bit(seven.b, 16), zmm},     {"AVX512BW", bit(seven.b, 30), zmm},
            {"AVX512DQ", bit(seven.b, 17), zmm},    {"AVX512VL", bit(seven.b, 31), zmm},
            {"AVX512-VNNI", bit(seven.c, 11), zmm}, {"AVX512-BF16", bit(more.a, 5), zmm},
            {"AVX512-FP16", bit(seven.d, 23), zmm}, {"AMX-TILE", bit(seven.d, 24), tile},
            {"AMX-BF16", bit(seven.d, 22), tile},   {"AMX-INT8", bit(seven.d, 25), tile}};
#else
    return {};
#endif
}

void add(std::string& list, const std::string& name) {
    list += (list.empty() ? "" : ", ") + name;
}

afs::Finding instruction_finding() {
    std::string usable, refused;
    bool avx2 = false;
#ifdef __x86_64__
    const uint64_t saved = saved_registers();
    for (const Instruction& i : instructions()) {
        if (!i.there) continue;
        const bool allowed = (saved & i.registers) == i.registers &&
                             (std::strncmp(i.name, "AMX", 3) != 0 || tiles_on_request());
        add(allowed ? usable : refused, i.name);
        avx2 = avx2 || (allowed && std::strcmp(i.name, "AVX2") == 0);
    }
#endif
    afs::Finding out{AFS_CHECK_OK, "processor.instructions", usable.empty() ? "none known" : usable,
                     "AVX2 for speed", ""};
    if (!refused.empty()) {
        out.status = AFS_CHECK_WARN;
        out.found += "; the processor has, but the system does not allow: " + refused;
        out.remedy = "update the kernel or the hypervisor so that it saves these registers";
    }
    if (!avx2) {
        out.status = AFS_CHECK_WARN;
        out.remedy = "runs with baseline instructions, several times slower; take a newer machine";
    }
    return out;
}

// Of what cpu.max grants in 100 ms: "150000 100000" is one and a half processors.
std::string quota(const Machine& machine) {
    const auto line = machine.line("/sys/fs/cgroup/cpu.max");
    if (!line || line->rfind("max", 0) == 0) return "";
    const double granted = std::strtod(line->c_str(), nullptr);
    const size_t space = line->find(' ');
    const double period =
        space == std::string::npos ? 0 : std::strtod(line->c_str() + space, nullptr);
    if (!(granted > 0) || !(period > 0)) return "";
    std::string text = std::to_string(granted / period);
    return text.substr(0, text.find('.') + 2);
}

afs::Finding cores_finding(const Machine& machine) {
    cpu_set_t mine;
    CPU_ZERO(&mine);
    const int usable = sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 0;
    std::set<std::string> cores;
    size_t threads = 0;
    for (const std::string& name : machine.names("/sys/devices/system/cpu")) {
        if (name.rfind("cpu", 0) != 0 ||
            name.find_first_not_of("0123456789", 3) != std::string::npos)
            continue;
        const auto siblings =
            machine.line("/sys/devices/system/cpu/" + name + "/topology/thread_siblings_list");
        if (!siblings) continue;
        cores.insert(*siblings);
        ++threads;
    }
    std::string found;
    if (threads)
        found = std::to_string(cores.size()) + " cores, " + std::to_string(threads) + " threads";
    if (machine.here()) add(found, std::to_string(usable) + " usable by this process");
    const std::string limit = quota(machine);
    if (!limit.empty()) add(found, "limited to " + limit + " processors of time");
    afs::Finding out{AFS_CHECK_OK, "processor.cores", found.empty() ? "unknown" : found, "", ""};
    if (!limit.empty() && std::strtod(limit.c_str(), nullptr) + 0.5 < usable) {
        out.status = AFS_CHECK_WARN;
        out.remedy = "set AFS_THREADS to the granted number: more threads only wait for each other";
    }
    return out;
}

}  // namespace

Findings check_processor(const Machine& machine, const afs::EnvironmentView&) {
    std::string model;
#ifdef __x86_64__
    model = brand();
#endif
    if (model.empty() || !machine.here())
        model = machine.field("/proc/cpuinfo", "model name").value_or("unknown");
    return {{AFS_CHECK_OK, "processor.model", model, "", ""},
            instruction_finding(),
            cores_finding(machine)};
}

}  // namespace env_system
