#include "device/tensor_map.hpp"

#include "device/error.hpp"

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

Status describe(int32_t dtype, const void* data, const Boxes& boxes, CUtensorMap& out) {
    AFS_ASSIGN(const Encode encode, encoder());
    const cuuint64_t dims[] = {boxes.dims[0], boxes.dims[1], boxes.dims[2]};
    const cuuint64_t strides[] = {boxes.strides[0], boxes.strides[1]};
    const cuuint32_t step[] = {1, 1, 1};
    const CUresult result = encode(
        &out,
        dtype == AFS_BF16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 : CU_TENSOR_MAP_DATA_TYPE_FLOAT16,
        boxes.rank, const_cast<void*>(data), dims, strides, boxes.box, step,
        CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
        // Promoting requests to 256 bytes costs 6 % of an H200's read rate (docs/PERFORMANCE.md).
        CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    if (result == CUDA_SUCCESS) return {};
    std::string sizes = std::to_string(dims[0]);
    for (uint32_t i = 1; i < boxes.rank; ++i) sizes += " x " + std::to_string(dims[i]);
    return Status(Code::device,
                  "cuTensorMapEncodeTiled refuses a tensor of " + sizes + ": error " +
                      std::to_string(static_cast<int>(result)),
                  {}, result);
}

Status describe_rows(const afs_tensor& matrix, uint32_t rows, CUtensorMap& out) {
    const Boxes boxes = {
        2,
        {static_cast<uint64_t>(matrix.dims[1]), static_cast<uint64_t>(matrix.dims[0]), 1},
        {static_cast<uint64_t>(matrix.strides[0]) * 2, 0},
        {64, rows, 1}};
    return describe(matrix.dtype, matrix.data, boxes, out);
}

bool can_describe_rows(const afs_tensor& m) {
    const bool narrow = m.dtype == AFS_BF16 || m.dtype == AFS_F16;
    return narrow && m.rank == 2 && m.format == 0 && m.dims[0] > 0 && m.dims[1] > 0 &&
           m.dims[0] < INT32_MAX && m.dims[1] < INT32_MAX && m.dims[1] % 8 == 0 &&
           m.strides[1] == 1 && m.strides[0] % 8 == 0 &&
           reinterpret_cast<uintptr_t>(m.data) % 16 == 0;
}

}  // namespace afs::cuda
