#include "types.hpp"

#include "afs/block_format.hpp"

namespace afs::gguf {
namespace {

constexpr TypeRow block(uint32_t number, const char* name) {
    for (const BlockFormat& format : kBlockFormats)
        if (format.dtype == AFS_BLOCK + static_cast<int32_t>(number))
            return {number, name, format.dtype, format.elements, format.bytes};
    return {number, name, AFS_DTYPE_NONE, 0, 0};
}

constexpr TypeRow kTypes[] = {
    {0, "F32", AFS_F32, 1, 4},
    {1, "F16", AFS_F16, 1, 2},
    {28, "F64", AFS_F64, 1, 8},
    {30, "BF16", AFS_BF16, 1, 2},
    block(2, "Q4_0"),
    block(3, "Q4_1"),
    block(6, "Q5_0"),
    block(7, "Q5_1"),
    block(8, "Q8_0"),
    block(12, "Q4_K"),
    block(13, "Q5_K"),
    block(14, "Q6_K"),
    // Known by name only.
    block(4, "Q4_2"),
    block(5, "Q4_3"),
    block(9, "Q8_1"),
    block(10, "Q2_K"),
    block(11, "Q3_K"),
    block(15, "Q8_K"),
    block(16, "IQ2_XXS"),
    block(17, "IQ2_XS"),
    block(18, "IQ3_XXS"),
    block(19, "IQ1_S"),
    block(20, "IQ4_NL"),
    block(21, "IQ3_S"),
    block(22, "IQ2_S"),
    block(23, "IQ4_XS"),
    block(24, "I8"),
    block(25, "I16"),
    block(26, "I32"),
    block(27, "I64"),
    block(29, "IQ1_M"),
    block(31, "Q4_0_4_4"),
    block(32, "Q4_0_4_8"),
    block(33, "Q4_0_8_8"),
    block(34, "TQ1_0"),
    block(35, "TQ2_0"),
    block(36, "IQ4_NL_4_4"),
    block(37, "IQ4_NL_4_8"),
    block(38, "IQ4_NL_8_8"),
    block(39, "MXFP4"),
    block(40, "NVFP4"),
    block(41, "Q1_0"),
};

}  // namespace

const TypeRow* find_type(uint32_t number) {
    for (const TypeRow& row : kTypes)
        if (row.number == number) return &row;
    return nullptr;
}

}  // namespace afs::gguf
