#include "persistent/kernel.cuh"

namespace afs::cuda {

AFS_PERSISTENT_INSTANCE(f16, 64)

}  // namespace afs::cuda
