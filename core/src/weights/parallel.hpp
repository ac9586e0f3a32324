// A few threads over many independent pieces.
#pragma once
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <thread>
#include <vector>

namespace afs::weights {

// Processors that this process may use.
inline uint32_t n_processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        const int n = CPU_COUNT(&set);
        if (n > 0) return static_cast<uint32_t>(n);
    }
    return std::max(1u, std::thread::hardware_concurrency());
}

// Calls f(i) for every i < n, in any order, on at most n_threads threads (0: all processors).
// f must not throw. Where the system refuses a thread, the others do its share.
template <class F>
void parallel_for(size_t n, uint32_t n_threads, const F& f) {
    std::atomic<size_t> next{0};
    const auto work = [&] {
        for (size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < n;) f(i);
    };
    const size_t wanted = std::min<size_t>(n, n_threads ? n_threads : n_processors());
    std::vector<std::thread> threads;
    threads.reserve(wanted);
    try {
        while (threads.size() + 1 < wanted) threads.emplace_back(work);
    } catch (const std::system_error&) {
    }
    work();
    for (std::thread& thread : threads) thread.join();
}

}  // namespace afs::weights
