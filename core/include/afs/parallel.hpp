// A few threads over many independent pieces.
#pragma once
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace afs {

// Processors that this process may use; at least 1.
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
// Where the system refuses a thread, the others do its share. What f throws ends the rest and is
// thrown to the caller.
template <class F>
void parallel_for(size_t n, uint32_t n_threads, const F& f) {
    std::atomic<size_t> next{0};
    std::mutex mutex;
    std::exception_ptr thrown;
    const auto work = [&]() noexcept {
        try {
            for (size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < n;) f(i);
        } catch (...) {
            const std::lock_guard<std::mutex> lock(mutex);
            if (!thrown) thrown = std::current_exception();
            next.store(n, std::memory_order_relaxed);
        }
    };
    const size_t wanted = std::min<size_t>(n, n_threads ? n_threads : n_processors());
    std::vector<std::thread> threads;
    threads.reserve(wanted);
    try {
        while (threads.size() + 1 < wanted) threads.emplace_back(work);
    } catch (const std::exception&) {  // no more threads, or no memory for one
    }
    work();
    for (std::thread& thread : threads) thread.join();
    if (thrown) std::rethrow_exception(thrown);
}

}  // namespace afs
