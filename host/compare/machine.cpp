#include "compare/machine.hpp"

#include <fstream>

#include "afs/parallel.hpp"

namespace afs {

std::string machine_text(const Plan& plan) {
    std::string processor = "unknown processor";
    std::ifstream in("/proc/cpuinfo");
    for (std::string line; std::getline(in, line);)
        if (line.rfind("model name", 0) == 0) {
            const size_t colon = line.find(": ");
            if (colon != std::string::npos) processor = line.substr(colon + 2);
            break;
        }
    std::string text = processor + ", " + std::to_string(n_processors()) + " processors";
    for (const Memory& memory : plan.memories) {
        if (!memory.device) continue;
        afs_device_info info = make<afs_device_info>();
        if (memory.device->info(info).ok())
            text += std::string("; ") + info.domain + " " + info.name;
    }
    return text;
}

}  // namespace afs
