// The step record of a ragged batch, built for a test: which sequence has how much behind it and
// how many tokens now, with blocks handed out in a shuffled order.
#pragma once
#include <algorithm>
#include <random>
#include <vector>

#include "afs/abi/step.h"
#include "afs/kernels.hpp"

namespace afs::conformance {

struct StepData {
    std::vector<int32_t> token_ids, positions, slots, cu_seqlens{0}, context_lens, block_table,
        logit_rows, prev_ids;
    std::vector<afs_row> rows;
    uint32_t max_blocks = 1, max_context = 1;

    uint32_t n_tokens() const { return static_cast<uint32_t>(positions.size()); }
    uint32_t n_seqs() const { return static_cast<uint32_t>(context_lens.size()); }
    uint32_t n_rows() const { return static_cast<uint32_t>(logit_rows.size()); }

    // A step of n tokens that are nobody's business: for ops that look at rows only.
    static StepData plain(uint32_t n) {
        StepData step;
        step.token_ids.assign(n, 0);
        step.slots.assign(n, 0);
        for (uint32_t i = 0; i < n; ++i) step.positions.push_back(static_cast<int32_t>(i));
        return step;
    }
};

struct Sequence {
    int32_t past, now;  // tokens in the cache already; tokens of this step
};

// Lays sequences out; block 0 is scratch. n_padding tokens and one empty sequence are added behind.
// blocks: what each sequence owns, shared by steps of one story; grown where it is too short.
struct BlockPool {
    explicit BlockPool(uint32_t size, uint32_t n_blocks, uint32_t seed = 1) : block_size(size) {
        for (uint32_t b = 1; b < n_blocks; ++b) free.push_back(static_cast<int32_t>(b));
        std::mt19937 random(seed);
        std::shuffle(free.begin(), free.end(), random);
    }
    uint32_t block_size;
    std::vector<int32_t> free;
    std::vector<std::vector<int32_t>> owned;  // by sequence

    int32_t slot(size_t seq, int32_t position) {
        if (owned.size() <= seq) owned.resize(seq + 1);
        const size_t index = static_cast<size_t>(position) / block_size;
        while (owned[seq].size() <= index) {
            owned[seq].push_back(free.back());
            free.pop_back();
        }
        return owned[seq][index] * static_cast<int32_t>(block_size) +
               position % static_cast<int32_t>(block_size);
    }
};

inline StepData ragged(const std::vector<Sequence>& sequences, BlockPool& pool,
                       uint32_t n_padding = 0) {
    StepData step;
    for (size_t s = 0; s < sequences.size(); ++s) {
        const int32_t end = sequences[s].past + sequences[s].now;
        for (int32_t p = 0; p < end; ++p) {
            const int32_t slot = pool.slot(s, p);
            if (p < sequences[s].past) continue;
            step.token_ids.push_back(0);
            step.positions.push_back(p);
            step.slots.push_back(slot);
        }
        step.cu_seqlens.push_back(static_cast<int32_t>(step.positions.size()));
        step.context_lens.push_back(end);
        step.max_context = std::max(step.max_context, static_cast<uint32_t>(end));
    }
    if (n_padding) {
        step.cu_seqlens.push_back(step.cu_seqlens.back());
        step.context_lens.push_back(0);
    }
    for (const auto& blocks : pool.owned)
        step.max_blocks = std::max(step.max_blocks, static_cast<uint32_t>(blocks.size()));
    step.block_table.assign(size_t{step.max_blocks} * step.n_seqs(), 0);
    for (size_t s = 0; s < sequences.size() && s < pool.owned.size(); ++s)
        std::copy(pool.owned[s].begin(), pool.owned[s].end(),
                  step.block_table.begin() + static_cast<std::ptrdiff_t>(s * step.max_blocks));
    for (uint32_t i = 0; i < n_padding; ++i) {
        step.token_ids.push_back(0);
        step.positions.push_back(0);
        step.slots.push_back(0);
    }
    return step;
}

}  // namespace afs::conformance
