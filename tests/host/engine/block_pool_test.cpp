// Blocks are never leaked, never shared by two writers, and copies are asked for when they must be.
#include <catch2/catch.hpp>
#include <map>

#include "engine/block_pool.hpp"

using afs::BlockPool;
using afs::BlockTable;

TEST_CASE("a pool hands out every block but scratch") {
    BlockPool pool(4);
    CHECK(pool.usable() == 3);
    std::vector<uint32_t> taken = {pool.take(), pool.take(), pool.take()};
    std::sort(taken.begin(), taken.end());
    CHECK(taken == std::vector<uint32_t>{1, 2, 3});
    CHECK(pool.n_free() == 0);
    pool.share(2);
    pool.drop(2);
    CHECK(pool.n_free() == 0);
    pool.drop(2);
    CHECK(pool.n_free() == 1);
    CHECK(pool.take() == 2);
}

TEST_CASE("a fork copies only the shared block that is written") {
    BlockPool pool(10);
    BlockTable parent;
    BlockTable::Copies copies;
    CHECK(parent.needed(pool, 0, 10, 4) == 3);
    parent.grow(pool, 0, 10, 4, copies);  // blocks of 4: the third holds two tokens
    CHECK(copies.empty());
    BlockTable child = parent.fork(pool, 10, 4);
    CHECK(child.blocks() == parent.blocks());
    CHECK(pool.n_free() == 6);
    CHECK(parent.needed(pool, 10, 11, 4) == 1);
    parent.grow(pool, 10, 11, 4, copies);
    REQUIRE(copies.size() == 1);
    CHECK(copies[0].first == child.blocks()[2]);
    CHECK(copies[0].second == parent.blocks()[2]);
    CHECK(child.needed(pool, 10, 11, 4) == 0);  // it is alone on its block now
    child.grow(pool, 10, 13, 4, copies);
    CHECK(copies.size() == 1);
    CHECK(child.blocks().size() == 4);

    BlockTable even = parent.fork(pool, 8, 4);  // ends with a block: nothing to copy
    CHECK(even.blocks().size() == 2);
    CHECK(even.needed(pool, 8, 9, 4) == 1);
    even.grow(pool, 8, 9, 4, copies);
    CHECK(copies.size() == 1);
    for (BlockTable* table : {&parent, &child, &even}) table->release(pool);
    CHECK(pool.n_free() == pool.usable());
}

TEST_CASE("10,000 forks and releases leak no block and never share one that is written") {
    for (const uint32_t block_size : {1u, 3u, 16u}) {
        BlockPool pool(400);
        struct Live {
            BlockTable table;
            uint32_t n = 0;
        };
        std::vector<Live> live(1);
        BlockTable::Copies copies;
        uint64_t random = 12345 + block_size;
        const auto below = [&random](uint64_t n) {
            random = random * 6364136223846793005ull + 1442695040888963407ull;
            return static_cast<uint32_t>((random >> 33) % n);
        };
        for (int i = 0; i < 10000; ++i) {
            const uint32_t at = below(live.size());
            if (live.size() < 20) {
                Live child;
                child.n = live[at].n ? live[at].n - below(std::min(live[at].n, 3u)) : 0;
                child.table = live[at].table.fork(pool, child.n, block_size);
                live.push_back(std::move(child));
            }
            Live& grown = live[below(live.size())];
            const uint32_t to = grown.n + 1 + below(5);
            if (grown.table.needed(pool, grown.n, to, block_size) <= pool.n_free()) {
                grown.table.grow(pool, grown.n, to, block_size, copies);
                for (uint32_t p = grown.n; p < to; ++p)
                    REQUIRE(pool.references(grown.table.blocks()[p / block_size]) == 1);
                grown.n = to;
            }
            if (below(3) == 0 || live.size() >= 20) {
                const uint32_t gone = below(live.size());
                live[gone].table.release(pool);
                live.erase(live.begin() + gone);
                if (live.empty()) live.emplace_back();
            }
        }
        std::map<uint32_t, uint32_t> held;
        for (const Live& l : live)
            for (const uint32_t block : l.table.blocks()) ++held[block];
        for (const auto& [block, n] : held) CHECK(pool.references(block) == n);
        CHECK(pool.n_free() + held.size() == pool.usable());
        for (Live& l : live) l.table.release(pool);
        CHECK(pool.n_free() == pool.usable());
        CHECK(copies.empty() == (block_size == 1));  // a block of one is never partial
    }
}
