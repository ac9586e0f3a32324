// The blocks of the paged KV cache as numbers: a free list with reference counts. All layers and
// groups share one numbering. Block 0 is the scratch block that padding writes to.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

namespace afs {

class BlockPool {
public:
    explicit BlockPool(uint32_t n_blocks);

    uint32_t size() const { return static_cast<uint32_t>(references_.size()); }
    uint32_t usable() const { return size() - 1; }  // without scratch
    uint32_t n_free() const { return static_cast<uint32_t>(free_.size()); }
    uint32_t references(uint32_t block) const { return references_[block]; }

    uint32_t take();  // precondition: n_free() > 0
    void share(uint32_t block) { ++references_[block]; }
    void drop(uint32_t block);

private:
    std::vector<uint32_t> references_, free_;
};

// The blocks of one sequence, in order of position. Whoever holds it gives the blocks back through
// release(); the pool outlives it.
class BlockTable {
public:
    // from, to: a copy that must run before the step that writes into `to`.
    using Copies = std::vector<std::pair<uint32_t, uint32_t>>;

    const std::vector<uint32_t>& blocks() const { return blocks_; }

    // Blocks that making positions [from, to) writable would take from the pool.
    uint32_t needed(const BlockPool& pool, uint32_t from, uint32_t to, uint32_t block_size) const;
    // Makes them writable: new blocks at the end, own copies of shared ones.
    // Precondition: pool.n_free() >= needed(...).
    void grow(BlockPool& pool, uint32_t from, uint32_t to, uint32_t block_size, Copies& copies);
    // A table that shares the blocks of positions [0, n).
    BlockTable fork(BlockPool& pool, uint32_t n, uint32_t block_size) const;
    void release(BlockPool& pool);

private:
    std::vector<uint32_t> blocks_;
};

}  // namespace afs
