// nvcc and the CUDA runtime, and whether the driver runs what they make.
#include "checks.hpp"
#include "versions.hpp"

namespace env_cuda {
namespace {

// A driver runs programs of its own CUDA generation (any minor version) and of older ones.
void compare(const Version& part, const Version& driver, afs::Finding& out) {
    if (!part.number || !driver.number) return;
    out.needed =
        "at most CUDA " + std::to_string(driver.number / 1000) + ".x, which the driver runs";
    if (part.number / 1000 <= driver.number / 1000) return;
    out.status = AFS_CHECK_WARN;
    out.remedy =
        "update the driver, or use a toolkit of CUDA " + std::to_string(driver.number / 1000);
}

}  // namespace

Findings check_toolkit() {
    const Version driver = driver_api(), nvcc = compiler(), cudart = runtime();
    afs::Finding compiler_finding{AFS_CHECK_OK, "nvcc",
                                  nvcc.number ? nvcc.detail + " (" + nvcc.where + ")" : nvcc.detail,
                                  "", ""};
    if (!nvcc.number) {
        compiler_finding.status = AFS_CHECK_WARN;
        compiler_finding.needed = "only to build the CUDA plugins; not to run them";
        compiler_finding.remedy =
            "install a CUDA toolkit 13, then ./setup.sh; or take a bundle built elsewhere";
    }
    compare(nvcc, driver, compiler_finding);
    afs::Finding runtime_finding{AFS_CHECK_INFO, "cudart", "", "", ""};
    if (cudart.number)
        runtime_finding.found = cuda_text(cudart.number) + " (" + cudart.where + ")";
    else
        runtime_finding.found = "no shared library; not needed: the plugins hold it in themselves";
    compare(cudart, driver, runtime_finding);
    if (cudart.number && nvcc.number && cudart.number != nvcc.number &&
        runtime_finding.status != AFS_CHECK_WARN) {
        runtime_finding.needed = "the same as nvcc's, " + cuda_text(nvcc.number);
        runtime_finding.status = AFS_CHECK_WARN;
        runtime_finding.remedy = "LD_LIBRARY_PATH or ldconfig finds another toolkit's: " +
                                 std::string("put nvcc's lib64 first");
    }
    return {compiler_finding, runtime_finding};
}

}  // namespace env_cuda
