#include "engine/batch.hpp"

#include "afs/check.hpp"

namespace afs {

uint32_t Batch::add_sequence(const std::vector<int32_t>& ids, uint32_t from,
                             const std::vector<uint32_t>& blocks, uint32_t block_size) {
    const uint32_t first = n_tokens(), n = static_cast<uint32_t>(ids.size());
    const uint32_t n_blocks = (from + n + block_size - 1) / block_size;
    AFS_CHECK(n > 0 && blocks.size() >= n_blocks, "tokens without a block to go to");
    for (uint32_t i = 0; i < n; ++i) {
        const uint32_t position = from + i;
        token_ids.push_back(ids[i]);
        positions.push_back(static_cast<int32_t>(position));
        slots.push_back(static_cast<int32_t>(blocks[position / block_size] * block_size +
                                             position % block_size));
    }
    cu_seqlens.push_back(static_cast<int32_t>(first + n));
    context_lens.push_back(static_cast<int32_t>(from + n));
    block_tables.emplace_back(blocks.begin(), blocks.begin() + n_blocks);
    decode_only = decode_only && n == 1;
    return first;
}

void Batch::add_row(uint32_t token, const afs_row& row, const BatchRow& use) {
    logit_rows.push_back(static_cast<int32_t>(token));
    rows.push_back(row);
    uses.push_back(use);
}

}  // namespace afs
