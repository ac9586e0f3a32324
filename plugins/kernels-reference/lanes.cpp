#include "lanes.hpp"

#include "afs/dequantise.hpp"
#include "element.hpp"

// One copy for each width of vectors, chosen when the plugin is loaded; all give the same bits,
// since the order is written out and contraction is off. clang 14 makes one, of the base width.
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&                \
    !defined(__SANITIZE_THREAD__)
#define AFS_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define AFS_CLONES
#endif
#define AFS_INLINE inline __attribute__((always_inline))

namespace afs::reference {
namespace {

template <class A>
AFS_INLINE A tree(const A* lane) {
    A sum[8];
    for (size_t l = 0; l < 8; ++l) sum[l] = lane[l] + lane[l + 8];
    for (size_t l = 0; l < 4; ++l) sum[l] += sum[l + 4];
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

// 32 bytes at a time: a register of AVX2; compilers keep wider vectors in memory.
template <size_t kRows, class A>
AFS_INLINE void dots(const A* x, size_t pitch, const A* w, size_t n, A* out) {
    typedef A Vec __attribute__((vector_size(32), aligned(sizeof(A)), may_alias));
    constexpr size_t kWidth = 32 / sizeof(A), kParts = kLanes / kWidth;
    Vec lanes[kRows][kParts] = {};
    for (size_t k = 0; k < n; k += kLanes)
        for (size_t part = 0; part < kParts; ++part) {
            const size_t at = k + part * kWidth;
            const Vec weights = *reinterpret_cast<const Vec*>(w + at);
            for (size_t i = 0; i < kRows; ++i)
                lanes[i][part] += *reinterpret_cast<const Vec*>(x + i * pitch + at) * weights;
        }
    for (size_t i = 0; i < kRows; ++i) {
        A lane[kLanes];
        std::memcpy(lane, lanes[i], sizeof lane);
        out[i] = tree(lane);
    }
}

template <class A>
AFS_INLINE void add_scaled_row(A* to, A factor, const A* from, size_t n) {
    for (size_t k = 0; k < n; ++k) to[k] += factor * from[k];
}

template <class A, class T>
AFS_INLINE void widen_from(A* to, const T* from, size_t n, int64_t stride) {
    if (stride == 1)  // said apart so that the loop is vectorised
        for (size_t k = 0; k < n; ++k) to[k] = widen<A>(from[k]);
    else
        for (size_t k = 0; k < n; ++k) to[k] = widen<A>(from[static_cast<int64_t>(k) * stride]);
    for (size_t k = n; k < padded(n); ++k) to[k] = A{0};
}

AFS_INLINE void widen_blocks(float* to, const void* from, int32_t dtype, size_t n) {
    dequantise(dtype, from, to, n);
}
AFS_INLINE void widen_blocks(double* to, const void* from, int32_t dtype, size_t n) {
    const BlockFormat& format = *block_format(dtype);
    float values[256];  // the largest block
    for (size_t k = 0; k < n; k += format.elements) {
        dequantise(dtype, element(from, dtype, static_cast<int64_t>(k)), values, format.elements);
        for (size_t i = 0; i < format.elements; ++i) to[k + i] = static_cast<double>(values[i]);
    }
}

template <class A>
AFS_INLINE void widen_any(A* to, const void* from, int32_t dtype, size_t n, int64_t stride) {
    if (block_format(dtype)) return widen_blocks(to, from, dtype, n);
    switch (dtype) {
        case AFS_F32: return widen_from(to, static_cast<const float*>(from), n, stride);
        case AFS_BF16: return widen_from(to, static_cast<const bf16*>(from), n, stride);
        case AFS_F16: return widen_from(to, static_cast<const f16*>(from), n, stride);
        default: return widen_from(to, static_cast<const double*>(from), n, stride);
    }
}

}  // namespace

AFS_CLONES void dot_tile(const float* x, size_t pitch, const float* w, size_t n, float* out) {
    dots<kTile>(x, pitch, w, n, out);
}
AFS_CLONES void dot_tile(const double* x, size_t pitch, const double* w, size_t n, double* out) {
    dots<kTile>(x, pitch, w, n, out);
}
AFS_CLONES float dot(const float* x, const float* w, size_t n) {
    float out;
    dots<1>(x, 0, w, n, &out);
    return out;
}
AFS_CLONES double dot(const double* x, const double* w, size_t n) {
    double out;
    dots<1>(x, 0, w, n, &out);
    return out;
}
AFS_CLONES void add_scaled(float* to, float factor, const float* from, size_t n) {
    add_scaled_row(to, factor, from, n);
}
AFS_CLONES void add_scaled(double* to, double factor, const double* from, size_t n) {
    add_scaled_row(to, factor, from, n);
}
AFS_CLONES void widen_row(float* to, const void* from, int32_t dtype, size_t n, int64_t stride) {
    widen_any(to, from, dtype, n, stride);
}
AFS_CLONES void widen_row(double* to, const void* from, int32_t dtype, size_t n, int64_t stride) {
    widen_any(to, from, dtype, n, stride);
}

}  // namespace afs::reference
