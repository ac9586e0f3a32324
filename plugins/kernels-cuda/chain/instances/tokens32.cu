#include "chain/chain.cuh"

namespace afs::cuda {

AFS_CHAIN_INSTANCE(32)

}  // namespace afs::cuda
