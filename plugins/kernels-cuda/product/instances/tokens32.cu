#include "product/product.cuh"

namespace afs::cuda {

AFS_PRODUCT_INSTANCE(32)

}  // namespace afs::cuda
