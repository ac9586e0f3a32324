#include "product/product.cuh"

namespace afs::cuda {

AFS_PRODUCT_INSTANCE(256)

}  // namespace afs::cuda
