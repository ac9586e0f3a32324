// Large pages: weights are read once a token, and small pages cost a walk of tables for each 4 KiB.
#include <cstdlib>

#include "checks.hpp"

namespace env_system {

Findings check_huge_pages(const Machine& machine, const afs::EnvironmentView&) {
    const auto mode = machine.line("/sys/kernel/mm/transparent_hugepage/enabled");
    afs::Finding transparent{AFS_CHECK_OK, "huge_pages.transparent", "not offered by this kernel",
                             "always or madvise", ""};
    const size_t open = mode ? mode->find('[') : std::string::npos;
    const size_t close = mode ? mode->find(']') : std::string::npos;
    if (open != std::string::npos && close != std::string::npos && open < close)
        transparent.found = mode->substr(open + 1, close - open - 1);
    if (transparent.found != "always" && transparent.found != "madvise") {
        transparent.status = AFS_CHECK_WARN;
        transparent.remedy = "as root: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled";
    }
    const std::string reserved = machine.field("/proc/meminfo", "HugePages_Total").value_or("0");
    return {
        transparent,
        {AFS_CHECK_INFO, "huge_pages.reserved",
         reserved + " of " + machine.field("/proc/meminfo", "Hugepagesize").value_or("?"), "", ""}};
}

}  // namespace env_system
