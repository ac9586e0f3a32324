// How the ring sees a weight: boxes of 8 rows x 16 blocks of 64 columns, so that one copy brings a
// page. Columns and rows beyond the matrix arrive as zeros.
#include "device/launch.hpp"
#include "device/tensor_map.hpp"
#include "stream/page.hpp"
#include "stream/stream.hpp"

namespace afs::cuda {

bool stream_fits_device() {
    return has_hopper() &&
           device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin) >= kStreamSharedBytes;
}

bool stream_fits(const afs_tensor& weight) {
    return stream_fits_device() && can_describe_rows(weight) &&
           weight.dims[1] % kBlockColumns == 0 && weight.dims[1] <= kStreamMaxColumns;
}

Status stream_weight(const afs_tensor& weight, CUtensorMap& out) {
    const Boxes boxes = {
        3,
        {kBlockColumns, static_cast<uint64_t>(weight.dims[0]),
         static_cast<uint64_t>(weight.dims[1] / kBlockColumns)},
        {static_cast<uint64_t>(weight.strides[0]) * 2, uint64_t{kBlockColumns} * 2},
        {kBlockColumns, kPageRows, kPageBlocks}};
    return describe(weight.dtype, weight.data, boxes, out);
}

}  // namespace afs::cuda
