#include "engine/block_pool.hpp"

#include <algorithm>
#include <cstddef>

#include "afs/check.hpp"

namespace afs {

BlockPool::BlockPool(uint32_t n_blocks) : references_(n_blocks, 0) {
    AFS_CHECK(n_blocks >= 1, "a pool has at least the scratch block");
    references_[0] = 1;
    free_.reserve(n_blocks);
    for (uint32_t block = n_blocks; block > 1; --block) free_.push_back(block - 1);
}

uint32_t BlockPool::take() {
    AFS_CHECK(!free_.empty(), "asked for more blocks than needed() said");
    const uint32_t block = free_.back();
    free_.pop_back();
    references_[block] = 1;
    return block;
}

void BlockPool::drop(uint32_t block) {
    AFS_CHECK(block != 0 && references_[block] > 0, "a block was given back twice");
    if (--references_[block] == 0) free_.push_back(block);
}

uint32_t BlockTable::needed(const BlockPool& pool, uint32_t from, uint32_t to,
                            uint32_t block_size) const {
    const size_t end = (size_t{to} + block_size - 1) / block_size;
    size_t count = end > blocks_.size() ? end - blocks_.size() : 0;
    for (size_t i = from / block_size; i < std::min(end, blocks_.size()); ++i)
        count += pool.references(blocks_[i]) > 1;
    return static_cast<uint32_t>(count);
}

void BlockTable::grow(BlockPool& pool, uint32_t from, uint32_t to, uint32_t block_size,
                      Copies& copies) {
    const size_t end = (size_t{to} + block_size - 1) / block_size;
    for (size_t i = from / block_size; i < std::min(end, blocks_.size()); ++i) {
        if (pool.references(blocks_[i]) == 1) continue;
        const uint32_t own = pool.take();
        copies.emplace_back(blocks_[i], own);
        pool.drop(blocks_[i]);
        blocks_[i] = own;
    }
    while (blocks_.size() < end) blocks_.push_back(pool.take());
}

BlockTable BlockTable::fork(BlockPool& pool, uint32_t n, uint32_t block_size) const {
    const size_t end = (size_t{n} + block_size - 1) / block_size;
    BlockTable child;
    child.blocks_.assign(blocks_.begin(), blocks_.begin() + static_cast<ptrdiff_t>(end));
    for (const uint32_t block : child.blocks_) pool.share(block);
    return child;
}

void BlockTable::release(BlockPool& pool) {
    for (const uint32_t block : blocks_) pool.drop(block);
    blocks_.clear();
}

}  // namespace afs
