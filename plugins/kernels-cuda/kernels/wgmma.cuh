// Products of a warpgroup (wgmma, sm_90a): 64 rows of a by kN rows of b, both in shared memory with
// k innermost, in rows of 128 bytes swizzled by 128 bytes; fp32 sums in registers.
//
// Of the sums a lane of warp w has d[4 * j], d[4 * j + 1] at row 16 * w + lane / 4, columns
// 8 * j + 2 * (lane % 4) and the next, and d[4 * j + 2], d[4 * j + 3] eight rows below.
#pragma once
#include "kernels/mma.cuh"  // shared_address

namespace afs::cuda {

// Where a matrix of such rows begins: a row group of 8 every 1024 bytes. 16 columns further on is 2
// more.
__device__ inline uint64_t matrix_at(uint32_t address) {
    constexpr uint64_t kRowGroup = 1024 >> 4, kSwizzle128 = 1;
    return ((address & 0x3ffff) >> 4) | uint64_t{1} << 16 | kRowGroup << 32 | kSwizzle128 << 62;
}
constexpr uint64_t kNextColumns = 32 >> 4;
// The same for multiply_down's b: panels of 64 columns, `panel_bytes` apart; 16 rows on are 2048
// bytes.
__device__ inline uint64_t panels_at(uint32_t address, uint32_t panel_bytes) {
    return (matrix_at(address) & ~(uint64_t{0x3fff} << 16)) | uint64_t{panel_bytes >> 4} << 16;
}
constexpr uint64_t kNextRows = 2048 >> 4;

// Registers that a product reads or adds to are in order before it.
__device__ inline void products_fence() {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ inline void products_commit() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
// Until at most kPending of the committed groups are still under way.
template <int kPending>
__device__ inline void products_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}

// d = a * b where !add, else d += a * b, over 16 columns.
template <class T, int kN>
__device__ void multiply_wide(float (&d)[kN / 2], uint64_t a, uint64_t b, bool add);

// clang-format off
#define AFS_WGMMA_8(type) \
    asm volatile( \
        "{ .reg .pred p; setp.ne.b32 p, %6, 0; " \
        "wgmma.mma_async.sync.aligned.m64n8k16.f32." type "." type " {" \
        "%0, %1, %2, %3" \
        "}, %4, %5, p, 1, 1, 0, 0; }" \
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) \
        : "l"(a), "l"(b), "r"(static_cast<int>(add)))
template <>
__device__ inline void multiply_wide<bf16, 8>(float (&d)[4], uint64_t a, uint64_t b, bool add) {
    AFS_WGMMA_8("bf16");
}
#undef AFS_WGMMA_8

#define AFS_WGMMA_16(type) \
    asm volatile( \
        "{ .reg .pred p; setp.ne.b32 p, %10, 0; " \
        "wgmma.mma_async.sync.aligned.m64n16k16.f32." type "." type " {" \
        "%0, %1, %2, %3, %4, %5, %6, %7" \
        "}, %8, %9, p, 1, 1, 0, 0; }" \
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), \
          "+f"(d[6]), "+f"(d[7]) \
        : "l"(a), "l"(b), "r"(static_cast<int>(add)))
template <>
__device__ inline void multiply_wide<bf16, 16>(float (&d)[8], uint64_t a, uint64_t b, bool add) {
    AFS_WGMMA_16("bf16");
}
template <>
__device__ inline void multiply_wide<f16, 16>(float (&d)[8], uint64_t a, uint64_t b, bool add) {
    AFS_WGMMA_16("f16");
}
#undef AFS_WGMMA_16

#define AFS_WGMMA_32(type) \
    asm volatile( \
        "{ .reg .pred p; setp.ne.b32 p, %18, 0; " \
        "wgmma.mma_async.sync.aligned.m64n32k16.f32." type "." type " {" \
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15" \
        "}, %16, %17, p, 1, 1, 0, 0; }" \
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), \
          "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), \
          "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]) \
        : "l"(a), "l"(b), "r"(static_cast<int>(add)))
template <>
__device__ inline void multiply_wide<bf16, 32>(float (&d)[16], uint64_t a, uint64_t b, bool add) {
    AFS_WGMMA_32("bf16");
}
template <>
__device__ inline void multiply_wide<f16, 32>(float (&d)[16], uint64_t a, uint64_t b, bool add) {
    AFS_WGMMA_32("f16");
}
#undef AFS_WGMMA_32

#define AFS_WGMMA_64(type) \
    asm volatile( \
        "{ .reg .pred p; setp.ne.b32 p, %34, 0; " \
        "wgmma.mma_async.sync.aligned.m64n64k16.f32." type "." type " {" \
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31" \
        "}, %32, %33, p, 1, 1, 0, 0; }" \
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), \
          "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), \
          "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), \
          "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), \
          "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), \
          "+f"(d[30]), "+f"(d[31]) \
        : "l"(a), "l"(b), "r"(static_cast<int>(add)))
template <>
__device__ inline void multiply_wide<bf16, 64>(float (&d)[32], uint64_t a, uint64_t b, bool add) {
    AFS_WGMMA_64("bf16");
}
template <>
__device__ inline void multiply_wide<f16, 64>(float (&d)[32], uint64_t a, uint64_t b, bool add) {
    AFS_WGMMA_64("f16");
}
#undef AFS_WGMMA_64

#define AFS_WGMMA_128(type) \
    asm volatile( \
        "{ .reg .pred p; setp.ne.b32 p, %66, 0; " \
        "wgmma.mma_async.sync.aligned.m64n128k16.f32." type "." type " {" \
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
        "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
        "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63" \
        "}, %64, %65, p, 1, 1, 0, 0; }" \
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), \
          "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), \
          "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), \
          "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), \
          "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), \
          "+f"(d[30]), "+f"(d[31]), "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), \
          "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39]), "+f"(d[40]), "+f"(d[41]), \
          "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47]), \
          "+f"(d[48]), "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), \
          "+f"(d[54]), "+f"(d[55]), "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), \
          "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63]) \
        : "l"(a), "l"(b), "r"(static_cast<int>(add)))
template <>
__device__ inline void multiply_wide<bf16, 128>(float (&d)[64], uint64_t a, uint64_t b, bool add) {
    AFS_WGMMA_128("bf16");
}
template <>
__device__ inline void multiply_wide<f16, 128>(float (&d)[64], uint64_t a, uint64_t b, bool add) {
    AFS_WGMMA_128("f16");
}
#undef AFS_WGMMA_128

#define AFS_WGMMA_256(type) \
    asm volatile( \
        "{ .reg .pred p; setp.ne.b32 p, %130, 0; " \
        "wgmma.mma_async.sync.aligned.m64n256k16.f32." type "." type " {" \
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
        "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
        "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, " \
        "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, " \
        "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, " \
        "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, " \
        "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127" \
        "}, %128, %129, p, 1, 1, 0, 0; }" \
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), \
          "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), \
          "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), \
          "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), \
          "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), \
          "+f"(d[30]), "+f"(d[31]), "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), \
          "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39]), "+f"(d[40]), "+f"(d[41]), \
          "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47]), \
          "+f"(d[48]), "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), \
          "+f"(d[54]), "+f"(d[55]), "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), \
          "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63]), "+f"(d[64]), "+f"(d[65]), \
          "+f"(d[66]), "+f"(d[67]), "+f"(d[68]), "+f"(d[69]), "+f"(d[70]), "+f"(d[71]), \
          "+f"(d[72]), "+f"(d[73]), "+f"(d[74]), "+f"(d[75]), "+f"(d[76]), "+f"(d[77]), \
          "+f"(d[78]), "+f"(d[79]), "+f"(d[80]), "+f"(d[81]), "+f"(d[82]), "+f"(d[83]), \
          "+f"(d[84]), "+f"(d[85]), "+f"(d[86]), "+f"(d[87]), "+f"(d[88]), "+f"(d[89]), \
          "+f"(d[90]), "+f"(d[91]), "+f"(d[92]), "+f"(d[93]), "+f"(d[94]), "+f"(d[95]), \
          "+f"(d[96]), "+f"(d[97]), "+f"(d[98]), "+f"(d[99]), "+f"(d[100]), "+f"(d[101]), \
          "+f"(d[102]), "+f"(d[103]), "+f"(d[104]), "+f"(d[105]), "+f"(d[106]), "+f"(d[107]), \
          "+f"(d[108]), "+f"(d[109]), "+f"(d[110]), "+f"(d[111]), "+f"(d[112]), "+f"(d[113]), \
          "+f"(d[114]), "+f"(d[115]), "+f"(d[116]), "+f"(d[117]), "+f"(d[118]), "+f"(d[119]), \
          "+f"(d[120]), "+f"(d[121]), "+f"(d[122]), "+f"(d[123]), "+f"(d[124]), "+f"(d[125]), \
          "+f"(d[126]), "+f"(d[127]) \
        : "l"(a), "l"(b), "r"(static_cast<int>(add)))
template <>
__device__ inline void multiply_wide<bf16, 256>(float (&d)[128], uint64_t a, uint64_t b, bool add) {
    AFS_WGMMA_256("bf16");
}
template <>
__device__ inline void multiply_wide<f16, 256>(float (&d)[128], uint64_t a, uint64_t b, bool add) {
    AFS_WGMMA_256("f16");
}
#undef AFS_WGMMA_256
// d += a * b over 16 rows of b: a in registers as mma has it, b with its columns innermost.
template <class T, int kN>
__device__ void multiply_down(float (&d)[kN / 2], const uint32_t (&a)[4], uint64_t b);

#define AFS_WGMMA_64(type) \
    asm volatile( \
        "wgmma.mma_async.sync.aligned.m64n64k16.f32." type "." type " {" \
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31" \
        "}, {%32, %33, %34, %35}, %36, 1, 1, 1, 1;" \
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), \
          "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), \
          "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), \
          "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), \
          "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), \
          "+f"(d[30]), "+f"(d[31]) \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))
template <>
__device__ inline void multiply_down<bf16, 64>(float (&d)[32], const uint32_t (&a)[4], uint64_t b) {
    AFS_WGMMA_64("bf16");
}
template <>
__device__ inline void multiply_down<f16, 64>(float (&d)[32], const uint32_t (&a)[4], uint64_t b) {
    AFS_WGMMA_64("f16");
}
#undef AFS_WGMMA_64

#define AFS_WGMMA_128(type) \
    asm volatile( \
        "wgmma.mma_async.sync.aligned.m64n128k16.f32." type "." type " {" \
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
        "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
        "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63" \
        "}, {%64, %65, %66, %67}, %68, 1, 1, 1, 1;" \
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), \
          "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), \
          "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), \
          "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), \
          "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), \
          "+f"(d[30]), "+f"(d[31]), "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), \
          "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39]), "+f"(d[40]), "+f"(d[41]), \
          "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47]), \
          "+f"(d[48]), "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), \
          "+f"(d[54]), "+f"(d[55]), "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), \
          "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63]) \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))
template <>
__device__ inline void multiply_down<bf16, 128>(float (&d)[64], const uint32_t (&a)[4], uint64_t b) {
    AFS_WGMMA_128("bf16");
}
template <>
__device__ inline void multiply_down<f16, 128>(float (&d)[64], const uint32_t (&a)[4], uint64_t b) {
    AFS_WGMMA_128("f16");
}
#undef AFS_WGMMA_128
// clang-format on

}  // namespace afs::cuda
