// Every task runs exactly once, whoever takes it and however many threads fight for processors.
#include <catch2/catch.hpp>

#include <chrono>
#include <numeric>

#include "machine/pool.hpp"

using afs::cpu::Pool;

TEST_CASE("pool: every task runs once, on a thread that there is") {
    for (const unsigned threads : {1u, 2u, 3u, 8u}) {
        Pool pool(threads);
        REQUIRE(pool.size() == threads);
        for (const size_t n : {size_t{0}, size_t{1}, size_t{2}, size_t{7}, size_t{1000}}) {
            std::vector<std::atomic<int>> runs(n);
            std::atomic<unsigned> highest{0};
            pool.run(n, [&](size_t task, unsigned thread) {
                ++runs[task];
                unsigned seen = highest.load();
                while (thread > seen && !highest.compare_exchange_weak(seen, thread)) {
                }
            });
            for (const auto& each : runs) REQUIRE(each.load() == 1);
            CHECK(highest.load() < threads);
        }
    }
}

TEST_CASE("pool: a region sees what was written before it, and its end sees what it wrote") {
    Pool pool(4);
    std::vector<uint64_t> values(64, 1);  // plain memory: only the regions order it
    for (int region = 0; region < 5000; ++region)
        pool.run(values.size(), [&](size_t task, unsigned) { values[task] += task; });
    for (size_t i = 0; i < values.size(); ++i) REQUIRE(values[i] == 1 + 5000 * i);
}

TEST_CASE("pool: sleeping workers come back, and the pool ends while they sleep") {
    for (int round = 0; round < 3; ++round) {
        Pool pool(3);
        for (int region = 0; region < 4; ++region) {
            std::atomic<size_t> sum{0};
            pool.run(100, [&](size_t task, unsigned) { sum += task; });
            CHECK(sum.load() == 4950);
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    }
}

TEST_CASE("pool: one instance serves callers that take turns") {
    Pool pool(3);
    std::atomic<size_t> sum{0};
    for (int turn = 0; turn < 20; ++turn)
        std::thread([&] { pool.run(50, [&](size_t task, unsigned) { sum += task; }); }).join();
    CHECK(sum.load() == 20 * 1225);
}
