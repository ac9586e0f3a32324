#include "engine/bucket.hpp"

#include <algorithm>

namespace afs {
namespace {

// 1, 2, 4, 8, then multiples of an eighth of the power of two above, or of most_grain where that is
// less: less than a quarter is padding.
uint32_t round_count(uint32_t n, uint32_t limit, uint32_t most_grain = UINT32_MAX) {
    if (n == 0) return 0;
    uint32_t power = 1;
    while (power < n) power *= 2;
    if (power > 8) {
        const uint32_t grain = std::min(power / 8, most_grain);
        power = (n + grain - 1) / grain * grain;
    }
    return std::max(n, std::min(power, limit));
}

uint32_t round_context(uint32_t n, uint32_t limit) {
    uint64_t power = 256;
    while (power < n) power *= 2;
    return std::max(n, static_cast<uint32_t>(std::min<uint64_t>(power, limit)));
}

}  // namespace

std::string Bucket::text() const {
    const auto n = [](uint32_t count, const char* what) {
        return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
    };
    const std::string kind = step_class == AFS_CLASS_DECODE ? "decode"
                             : step_class == AFS_CLASS_GENERAL
                                 ? "general"
                                 : "class " + std::to_string(step_class);
    return kind + " step of " + n(n_tokens, "token") + ", " + n(n_seqs, "sequence") + ", " +
           n(n_rows, "row") + ", " + n(max_blocks, "block") + ", context " +
           std::to_string(max_context);
}

Bucket exact_bucket(const Batch& batch, uint32_t step_class, uint32_t block_size) {
    Bucket bucket;
    bucket.step_class = step_class;
    bucket.n_tokens = batch.n_tokens();
    bucket.n_seqs = batch.n_seqs();
    bucket.n_rows = batch.n_rows();
    for (const int32_t context : batch.context_lens)
        bucket.max_context = std::max(bucket.max_context, static_cast<uint32_t>(context));
    bucket.max_blocks = (bucket.max_context + block_size - 1) / block_size;
    return bucket;
}

Bucket padded_bucket(const Batch& batch, const afs_limits& limits, uint32_t block_size) {
    Bucket bucket = exact_bucket(batch, limits.step_class, block_size);
    bucket.n_seqs = round_count(bucket.n_seqs, limits.max_seqs);
    bucket.n_rows = round_count(bucket.n_rows, limits.max_rows);
    // Long prompts are bound by arithmetic: no more padding than a tile of rows.
    bucket.n_tokens = round_count(bucket.n_tokens, limits.max_tokens, 64);
    if (limits.step_class == AFS_CLASS_DECODE) bucket.n_tokens = bucket.n_seqs;
    bucket.max_context = round_context(bucket.max_context, limits.max_context);
    bucket.max_blocks =
        std::max(bucket.max_blocks,
                 std::min((bucket.max_context + block_size - 1) / block_size, limits.max_blocks));
    return bucket;
}

}  // namespace afs
