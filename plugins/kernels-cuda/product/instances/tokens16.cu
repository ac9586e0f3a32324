#include "product/product.cuh"

namespace afs::cuda {

AFS_PRODUCT_INSTANCE(16)

}  // namespace afs::cuda
