#include "chain/chain.cuh"

namespace afs::cuda {

AFS_CHAIN_INSTANCE(8)

}  // namespace afs::cuda
