// How the copy engine (TMA) sees a weight: boxes of 8 rows x 16 blocks of 64 columns, each row of a
// block 128 bytes, swizzled by the row. Columns and rows beyond the matrix arrive as zeros.
#include "device/launch.hpp"
#include "stream/page.hpp"
#include "stream/stream.hpp"

namespace afs::cuda {
namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

// The driver's function, without linking the driver.
Result<Encode> encoder() {
    static void* found = nullptr;
    if (!found) {
        cudaDriverEntryPointQueryResult result = cudaDriverEntryPointSymbolNotFound;
        AFS_CUDA_TRY(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found, 12000,
                                                      cudaEnableDefault, &result));
        if (result != cudaDriverEntryPointSuccess || !found)
            return unsupported("the driver offers no cuTensorMapEncodeTiled: update it");
    }
    return reinterpret_cast<Encode>(found);
}

}  // namespace

bool stream_fits(const afs_tensor& weight) {
    const bool narrow = weight.dtype == AFS_BF16 || weight.dtype == AFS_F16;
    return has_hopper() && narrow && weight.rank == 2 && weight.format == 0 && weight.dims[0] > 0 &&
           weight.dims[1] > 0 && weight.dims[1] % kBlockColumns == 0 &&
           weight.dims[1] <= kStreamMaxColumns && weight.strides[1] == 1 &&
           weight.strides[0] % 8 == 0 && reinterpret_cast<uintptr_t>(weight.data) % 16 == 0;
}

Status stream_weight(const afs_tensor& weight, CUtensorMap& out) {
    AFS_ASSIGN(const Encode encode, encoder());
    const cuuint64_t dims[] = {kBlockColumns, static_cast<cuuint64_t>(weight.dims[0]),
                               static_cast<cuuint64_t>(weight.dims[1] / kBlockColumns)};
    const cuuint64_t strides[] = {static_cast<cuuint64_t>(weight.strides[0]) * 2,
                                  kBlockColumns * 2};  // bytes, from dimension 1 on
    const cuuint32_t box[] = {kBlockColumns, kPageRows, kPageBlocks}, step[] = {1, 1, 1};
    const CUresult result =
        encode(&out,
               weight.dtype == AFS_BF16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16
                                        : CU_TENSOR_MAP_DATA_TYPE_FLOAT16,
               3, weight.data, dims, strides, box, step, CU_TENSOR_MAP_INTERLEAVE_NONE,
               CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
               CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    if (result == CUDA_SUCCESS) return {};
    return Status(Code::device,
                  "cuTensorMapEncodeTiled refuses a weight of [" + std::to_string(weight.dims[0]) +
                      ", " + std::to_string(weight.dims[1]) + "]: error " +
                      std::to_string(static_cast<int>(result)),
                  {}, result);
}

}  // namespace afs::cuda
