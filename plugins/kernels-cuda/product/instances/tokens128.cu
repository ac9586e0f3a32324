#include "product/product.cuh"

namespace afs::cuda {

AFS_PRODUCT_INSTANCE(128)

}  // namespace afs::cuda
