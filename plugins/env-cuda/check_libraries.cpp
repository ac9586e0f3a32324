// cuDNN and NCCL: nothing here needs them; programs beside it do, and they must fit the driver.
#include "checks.hpp"
#include "versions.hpp"

namespace env_cuda {

Findings check_libraries() {
    const Version driver = driver_api();
    int built_for = 0;
    const Version dnn = cudnn(built_for), collectives = nccl();
    afs::Finding first{AFS_CHECK_INFO, "cudnn", "not found; not needed here", "", ""};
    if (dnn.number) {  // before 9 the major version had three digits below it
        first.found =
            library_text(dnn.number, dnn.number >= 90000 ? 10000 : 1000) + " (" + dnn.where + ")";
        if (built_for) first.found += ", built for CUDA " + cuda_text(built_for);
        if (built_for && driver.number && built_for / 1000 > driver.number / 1000) {
            first.status = AFS_CHECK_WARN;
            first.needed = "at most CUDA " + cuda_text(driver.number) + ", which the driver runs";
            first.remedy = "update the driver, or install the cuDNN of an older CUDA";
        }
    }
    afs::Finding second{AFS_CHECK_INFO, "nccl", "not found; not needed here", "", ""};
    if (collectives.number)  // before 2.9: three digits below the major version
        second.found =
            library_text(collectives.number, collectives.number >= 10000 ? 10000 : 1000) + " (" +
            collectives.where + ")";
    return {first, second};
}

}  // namespace env_cuda
