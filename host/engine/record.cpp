#include "engine/record.hpp"

#include <algorithm>
#include <cstring>

#include "afs/kernels.hpp"

namespace afs {
namespace {

template <class T>
T* at(char* base, uint64_t offset) {
    return reinterpret_cast<T*>(base + offset);
}
template <class T>
const T* at(const char* base, uint64_t offset) {
    return reinterpret_cast<const T*>(base + offset);
}

// Copies what there is and fills up to n with `rest`.
void fill(char* base, uint64_t offset, const std::vector<int32_t>& from, uint32_t n, int32_t rest) {
    int32_t* to = at<int32_t>(base, offset);
    std::copy(from.begin(), from.end(), to);
    std::fill(to + from.size(), to + n, rest);
}

}  // namespace

RecordLayout::RecordLayout(const Bucket& bucket) : bucket_(bucket) {
    uint64_t offset = 0;
    const auto place = [&offset](uint64_t n, uint64_t size) {
        const uint64_t start = offset;
        offset += (n * size + 15) / 16 * 16;
        return start;
    };
    token_ids_ = place(bucket.n_tokens, sizeof(int32_t));
    positions_ = place(bucket.n_tokens, sizeof(int32_t));
    slots_ = place(bucket.n_tokens, sizeof(int32_t));
    cu_seqlens_ = place(bucket.n_seqs + 1, sizeof(int32_t));
    context_lens_ = place(bucket.n_seqs, sizeof(int32_t));
    block_table_ = place(uint64_t{bucket.n_seqs} * bucket.max_blocks, sizeof(int32_t));
    logit_rows_ = place(bucket.n_rows, sizeof(int32_t));
    rows_ = place(bucket.n_rows, sizeof(afs_row));
    bytes_ = offset;
}

void RecordLayout::write(const Batch& batch, uint32_t block_size, char* to) const {
    fill(to, token_ids_, batch.token_ids, bucket_.n_tokens, 0);
    fill(to, positions_, batch.positions, bucket_.n_tokens, 0);
    fill(to, slots_, batch.slots, bucket_.n_tokens, 0);
    // Spare tokens go to the slots of block 0 in turn, so that few of them share one.
    int32_t* slots = at<int32_t>(to, slots_);
    for (uint32_t i = batch.n_tokens(); i < bucket_.n_tokens; ++i)
        slots[i] = static_cast<int32_t>(i % block_size);
    fill(to, cu_seqlens_, batch.cu_seqlens, bucket_.n_seqs + 1,
         static_cast<int32_t>(batch.n_tokens()));
    fill(to, context_lens_, batch.context_lens, bucket_.n_seqs, 0);
    int32_t* table = at<int32_t>(to, block_table_);
    std::fill(table, table + size_t{bucket_.n_seqs} * bucket_.max_blocks, 0);
    for (size_t s = 0; s < batch.block_tables.size(); ++s)
        std::transform(batch.block_tables[s].begin(), batch.block_tables[s].end(),
                       table + s * bucket_.max_blocks,
                       [](uint32_t block) { return static_cast<int32_t>(block); });
    fill(to, logit_rows_, batch.logit_rows, bucket_.n_rows, 0);
    afs_row* rows = at<afs_row>(to, rows_);
    std::copy(batch.rows.begin(), batch.rows.end(), rows);
    afs_row spare{};
    spare.top_p = 1.0f;
    spare.n_vocab = 1;
    std::fill(rows + batch.n_rows(), rows + bucket_.n_rows, spare);
}

afs_step RecordLayout::step(const char* base, const int32_t* prev_ids, int32_t* host_ids) const {
    afs_step step = make<afs_step>();
    step.n_tokens = bucket_.n_tokens;
    step.n_seqs = bucket_.n_seqs;
    step.n_rows = bucket_.n_rows;
    step.max_blocks = bucket_.max_blocks;
    step.max_context = bucket_.max_context;
    step.token_ids = at<int32_t>(base, token_ids_);
    step.positions = at<int32_t>(base, positions_);
    step.slots = at<int32_t>(base, slots_);
    step.cu_seqlens = at<int32_t>(base, cu_seqlens_);
    step.context_lens = at<int32_t>(base, context_lens_);
    step.block_table = at<int32_t>(base, block_table_);
    step.logit_rows = at<int32_t>(base, logit_rows_);
    step.rows = at<afs_row>(base, rows_);
    step.prev_ids = prev_ids;
    step.host_ids = host_ids;
    return step;
}

}  // namespace afs
