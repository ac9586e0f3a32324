#include "ops/attention/chunk.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "afs/numeric.hpp"

namespace afs::cpu {
namespace {

// n elements of a cached row, widened.
void widen_cached(const Kernels& kernels, float* to, const char* row, const afs_kv_layout& layout,
                  int64_t stride, size_t first, size_t n) {
    const auto size = static_cast<int64_t>(dtype_size(layout.dtype));
    row += static_cast<int64_t>(first) * stride * size;
    if (stride == 1) return kernels.widen(to, row, layout.dtype, n);
    for (size_t i = 0; i < n; ++i)
        kernels.widen(to + i, row + static_cast<int64_t>(i) * stride * size, layout.dtype, 1);
}

// Keys as bf16 pairs, [depth / 2][64][2].
void load_key_pairs(const Geometry& g, const char* row, int64_t stride, char* column) {
    const size_t whole = stride == 1 ? g.head_dim / 2 : 0;
    for (size_t pair = 0; pair < whole; ++pair)
        std::memcpy(column + pair * kChunk * 4, row + pair * 4, 4);
    for (size_t d = 2 * whole; d < g.depth; ++d) {
        uint16_t bits = 0;  // beyond the head: its partner is multiplied with 0
        if (d < g.head_dim) std::memcpy(&bits, row + static_cast<int64_t>(d) * stride * 2, 2);
        std::memcpy(column + d / 2 * kChunk * 4 + d % 2 * 2, &bits, 2);
    }
}

}  // namespace

Geometry::Geometry(const Kernels& kernels, int32_t act_dtype, const afs_kv_layout& layout,
                   size_t most_rows)
    : dot(kernels.panel_bf16_dot && act_dtype == AFS_BF16 && layout.dtype == AFS_BF16),
      head_dim(layout.head_dim),
      depth((head_dim + 1) / 2 * 2),
      width((head_dim + kColumns - 1) / kColumns * kColumns),
      rows(most_rows),
      q_elements(dot ? sizeof(bf16) : sizeof(float)) {}

ChunkScratch::ChunkScratch(const Geometry& g, void* memory) {
    char* at = static_cast<char*>(memory);
    const auto take = [&at](size_t bytes) { return std::exchange(at, at + bytes); };
    const auto floats = [&](size_t bytes) { return reinterpret_cast<float*>(take(bytes)); };
    q = take(g.q_bytes());
    k = take(g.k_bytes());
    v = floats(g.v_bytes());
    s = floats(g.s_bytes());
    part = floats(g.sums_bytes());
    sums = floats(g.sums_bytes());
    part_max = floats(g.row_bytes());
    part_weight = floats(g.row_bytes());
    max = floats(g.row_bytes());
    weight = floats(g.row_bytes());
}

void find_rows(const ChunkSource& from, size_t begin, size_t n, const char** keys,
               const char** values) {
    const afs_kv_layout& layout = from.layout;
    const auto size = static_cast<int64_t>(dtype_size(layout.dtype));
    const auto row = [&](const void* side, const int64_t(&stride)[4], int64_t block, size_t slot) {
        const int64_t at =
            block * stride[0] + from.head * stride[1] + static_cast<int64_t>(slot) * stride[2];
        return static_cast<const char*>(side) + at * size;
    };
    size_t block = begin / layout.block_size, slot = begin % layout.block_size;
    for (size_t i = 0; i < n; ++i, ++slot) {
        if (slot == layout.block_size) slot = 0, ++block;
        keys[i] = row(from.kv.k, layout.k_stride, from.blocks[block], slot);
        values[i] = row(from.kv.v, layout.v_stride, from.blocks[block], slot);
    }
}

void load_chunk(const Kernels& kernels, const Geometry& g, const ChunkSource& from, size_t chunk,
                size_t n, const ChunkScratch& to) {
    const afs_kv_layout& layout = from.layout;
    const int64_t k_step = layout.k_stride[3], v_step = layout.v_stride[3];
    const char *keys[kChunk], *values[kChunk];
    find_rows(from, chunk * kChunk, n, keys, values);
    for (size_t i = 0; i < n; ++i) {
        const char *k = keys[i], *v = values[i];
        if (g.dot) {
            load_key_pairs(g, k, k_step, to.k + i * 4);
        } else {
            float* row = to.part;  // free until attend_chunk
            widen_cached(kernels, row, k, layout, k_step, 0, g.head_dim);
            if (g.depth > g.head_dim) row[g.head_dim] = 0;
            for (size_t d = 0; d < g.depth; ++d)
                reinterpret_cast<float*>(to.k)[d * kChunk + i] = row[d];
        }
        for (size_t d = 0; d < g.head_dim; d += kColumns)
            widen_cached(kernels, to.v + (d * kChunk + i * kColumns), v, layout, v_step, d,
                         std::min(kColumns, g.head_dim - d));
    }
}

void attend_chunk(const Kernels& kernels, const Geometry& g, const ChunkScratch& scratch,
                  size_t first, size_t end, size_t n, float scale) {
    Panel scores{};
    scores.x = scratch.q + first * g.depth * g.q_elements;
    scores.x_pitch = static_cast<ptrdiff_t>(g.depth);
    scores.w = scratch.k;
    scores.rows = end - first, scores.depth = g.depth, scores.columns = n;
    scores.out = scratch.s + first * kChunk;
    scores.out_dtype = AFS_F32;
    scores.out_pitch = kChunk;
    (g.dot ? kernels.panel_bf16_dot : kernels.panel_fp32)(scores);
    for (size_t r = first; r < end; ++r)
        scratch.part_max[r] =
            kernels.softmax(scratch.s + r * kChunk, n, scale, scratch.part_weight + r);
    for (size_t d = 0; d < g.head_dim; d += kColumns) {
        Panel values{};
        values.x = scratch.s + first * kChunk;
        values.x_pitch = kChunk;
        values.w = scratch.v + d * kChunk;
        values.rows = end - first, values.depth = n;
        values.columns = std::min(kColumns, g.head_dim - d);
        values.out = scratch.part + first * g.width + d;
        values.out_dtype = AFS_F32;
        values.out_pitch = static_cast<ptrdiff_t>(g.width);
        kernels.panel_fp32(values);
    }
}

void blend_chunk(const Kernels& kernels, size_t width, float part_max, float part_weight,
                 const float* part, float& max, float& weight, float* sums) {
    const float largest = part_max > max ? part_max : max;
    const auto factor = [&](float m) { return m == largest ? 1.0f : kernels.exp(m - largest); };
    const float keep = factor(max), take = factor(part_max);
    kernels.blend(sums, part, keep, take, width);
    weight = weight * keep + part_weight * take;
    max = largest;
}

}  // namespace afs::cpu
