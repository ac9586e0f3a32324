// The system below: kernel, distribution, C library.
#include <gnu/libc-version.h>
#include <sys/utsname.h>

#include "checks.hpp"

namespace env_system {

Findings check_kernel(const Machine& machine, const afs::EnvironmentView&) {
    utsname name{};
    Findings out;
    if (uname(&name) == 0)
        out.push_back({AFS_CHECK_INFO, "system.kernel",
                       std::string(name.sysname) + " " + name.release + " " + name.machine, "",
                       ""});
    std::string system = machine.field("/etc/os-release", "PRETTY_NAME").value_or("unknown");
    if (system.size() > 1 && system.front() == '"') system = system.substr(1, system.size() - 2);
    const bool debian = system.rfind("Debian GNU/Linux 12", 0) == 0;
    out.push_back({debian ? AFS_CHECK_OK : AFS_CHECK_INFO, "system.distribution", system,
                   "Debian 12 is what is tested",
                   debian ? "" : "other Debians and Ubuntus: ./setup.sh tries all the same"});
    out.push_back(
        {AFS_CHECK_INFO, "system.libc", std::string("glibc ") + gnu_get_libc_version(), "", ""});
    return out;
}

}  // namespace env_system
