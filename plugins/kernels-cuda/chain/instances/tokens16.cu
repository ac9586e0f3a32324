#include "chain/chain.cuh"

namespace afs::cuda {

AFS_CHAIN_INSTANCE(16)

}  // namespace afs::cuda
