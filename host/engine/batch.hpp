// One step as the scheduler composed it: real tokens, sequences and rows, no padding.
#pragma once
#include <cstdint>
#include <vector>

#include "afs/abi/step.h"
#include "engine/block_pool.hpp"

namespace afs {

// What the host does with one row once the step is done.
struct BatchRow {
    enum class Use { next_token, prompt_logprob, logits };
    uint64_t request = 0;
    Use use = Use::next_token;
    bool on_host = false;   // the host draws the token from the logits
    uint32_t position = 0;  // of the token that the row predicts
};

struct Batch {
    std::vector<int32_t> token_ids, positions, slots;  // [n_tokens]
    std::vector<int32_t> cu_seqlens{0};                // [n_seqs + 1]
    std::vector<int32_t> context_lens;                 // [n_seqs]
    std::vector<std::vector<uint32_t>> block_tables;   // [n_seqs][blocks of its context]
    std::vector<int32_t> logit_rows;                   // [n_rows]
    std::vector<afs_row> rows;                         // [n_rows]
    std::vector<BatchRow> uses;                        // [n_rows]
    std::vector<uint64_t> members;                     // requests with tokens in this step
    uint64_t number = 0;                               // of the step
    BlockTable::Copies copies;                         // run before the step
    uint32_t n_prompt_tokens = 0;
    bool decode_only = true;  // every sequence has one token

    uint32_t n_tokens() const { return static_cast<uint32_t>(token_ids.size()); }
    uint32_t n_seqs() const { return static_cast<uint32_t>(context_lens.size()); }
    uint32_t n_rows() const { return static_cast<uint32_t>(rows.size()); }
    bool empty() const { return token_ids.empty(); }
    // Some row's logits are read by the host.
    bool wants_logits() const {
        for (const afs_row& row : rows)
            if (row.flags & AFS_ROW_LOGITS) return true;
        return false;
    }

    // Adds tokens [from, from + ids.size()) of a sequence; returns the index of the first.
    uint32_t add_sequence(const std::vector<int32_t>& ids, uint32_t from,
                          const std::vector<uint32_t>& blocks, uint32_t block_size);
    void add_row(uint32_t token, const afs_row& row, const BatchRow& use);
};

}  // namespace afs
