// The sizes that a step is launched with: its own (exact), or rounded up so that few differ.
#pragma once
#include <cstdint>
#include <string>
#include <tuple>

#include "afs/abi/ops.h"
#include "engine/batch.hpp"

namespace afs {

struct Bucket {
    uint32_t step_class = AFS_CLASS_GENERAL;
    uint32_t n_tokens = 0, n_seqs = 0, n_rows = 0, max_blocks = 0, max_context = 0;

    auto key() const {
        return std::tie(step_class, n_tokens, n_seqs, n_rows, max_blocks, max_context);
    }
    bool operator<(const Bucket& other) const { return key() < other.key(); }
    // "general step of 5 tokens, 2 sequences, 2 rows, 3 blocks, context 40"
    std::string text() const;
};

Bucket exact_bucket(const Batch& batch, uint32_t step_class, uint32_t block_size);
// Rounded up within the limits; a decode step has as many tokens as sequences and rows.
Bucket padded_bucket(const Batch& batch, const afs_limits& limits, uint32_t block_size);

}  // namespace afs
