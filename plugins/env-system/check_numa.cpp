// Memory nodes: on a machine with several, weights read across the link cost bandwidth.
#include "checks.hpp"

namespace env_system {

Findings check_numa(const Machine& machine, const afs::EnvironmentView&) {
    const std::string folder = "/sys/devices/system/node";
    std::string nodes;
    size_t n = 0;
    for (const std::string& name : machine.names(folder)) {
        if (name.rfind("node", 0) != 0 ||
            name.find_first_not_of("0123456789", 4) != std::string::npos)
            continue;
        ++n;
        const auto processors = machine.line(folder + "/" + name + "/cpulist");
        nodes += (nodes.empty() ? "" : "; ") + name + ": processors " + processors.value_or("?");
    }
    if (n == 0) return {{AFS_CHECK_OK, "numa", "one memory", "", ""}};
    afs::Finding out{AFS_CHECK_OK, "numa", std::to_string(n) + (n == 1 ? " node" : " nodes"), "",
                     ""};
    if (n > 1) {
        out.status = AFS_CHECK_INFO;
        out.found += " (" + nodes + ")";
        out.remedy = "to measure one node: numactl --cpunodebind=0 --membind=0 afs-host ...";
    }
    return {out};
}

}  // namespace env_system
