#include "chain/chain.cuh"

namespace afs::cuda {

AFS_CHAIN_INSTANCE(64)

}  // namespace afs::cuda
