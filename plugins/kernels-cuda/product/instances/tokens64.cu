#include "product/product.cuh"

namespace afs::cuda {

AFS_PRODUCT_INSTANCE(64)

}  // namespace afs::cuda
