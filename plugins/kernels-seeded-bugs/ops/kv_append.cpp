// kv_append/1.
#include <algorithm>

#include "backend.hpp"

namespace afs::seeded {

void kv_append(const afs_run& run, OpState& s) {
    const afs_kv_layout& layout = *run.kv->layout;
    const afs_step& step = *run.step;
    int32_t n = step.cu_seqlens[step.n_seqs];
    if (s.bug == Bug::stores_padding) n = static_cast<int32_t>(step.n_tokens);
    if (s.bug == Bug::skips_last_token && n > 1) --n;
    const uint32_t heads = s.bug == Bug::last_head_lost && layout.n_kv_heads > 1
                               ? layout.n_kv_heads - 1
                               : layout.n_kv_heads;
    for (int32_t i = 0; i < n; ++i)
        for (const bool value : {false, true}) {
            const bool from_v = value != (s.bug == Bug::swaps_k_and_v);
            const Row row = row_of(run.inputs[from_v ? 1 : 0], i);
            const auto& stride = value ? layout.v_stride : layout.k_stride;
            int64_t slot = step.slots[i];
            const int64_t size = layout.block_size, block = slot / size;
            if (s.bug == Bug::next_slot) slot = block * size + (slot % size + 1) % size;
            for (uint32_t h = 0; h < heads; ++h)
                for (uint32_t d = 0; d < layout.head_dim; ++d) {
                    float x = row[size_t{h} * layout.head_dim + d];
                    if (s.bug == Bug::cache_loses_nan && std::isnan(x)) x = 0;
                    store(
                        value ? run.kv->v : run.kv->k, layout.dtype,
                        block * stride[0] + h * stride[1] + slot % size * stride[2] + d * stride[3],
                        s.bug == Bug::truncates_cache ? cut(x, layout.dtype) : x);
                }
        }
}

}  // namespace afs::seeded
