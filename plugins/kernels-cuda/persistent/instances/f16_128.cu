#include "persistent/kernel.cuh"

namespace afs::cuda {

AFS_PERSISTENT_INSTANCE(f16, 128)

}  // namespace afs::cuda
