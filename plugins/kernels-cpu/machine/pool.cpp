#include "machine/pool.hpp"

#include <exception>

namespace afs::cpu {
namespace {

// About 0.1 ms: longer than the host takes between two steps of a generation.
constexpr int kSpins = 4000;

inline void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

}  // namespace

Pool::Pool(unsigned n_threads) {
    workers_.reserve(n_threads);
    try {
        for (unsigned thread = 1; thread < n_threads; ++thread)
            workers_.emplace_back([this, thread] { work(thread); });
    } catch (const std::exception&) {
        // No more threads, or no memory for one: those there are share the work.
    }
}

Pool::~Pool() {
    stopping_.store(true);
    region_.fetch_add(2);
    region_.notify_all();
    for (std::thread& worker : workers_) worker.join();
}

void Pool::run_region(size_t n_tasks, const void* context, Call call) {
    call_ = call;
    context_ = context;
    n_tasks_ = n_tasks;
    next_.store(0, std::memory_order_relaxed);
    region_.fetch_add(1);  // opens: what was written above is seen by who sees this
    region_.notify_all();  // a system call only where somebody sleeps
    take_tasks(0);
    region_.fetch_add(1);  // closes: who comes now does not look at the region
    for (int spins = 0; inside_.load() != 0; ++spins) {
        relax();
        if (spins > kSpins) std::this_thread::yield();  // a worker was preempted inside
    }
}

void Pool::take_tasks(unsigned thread) {
    for (size_t task; (task = next_.fetch_add(1, std::memory_order_relaxed)) < n_tasks_;)
        call_(context_, task, thread);
}

// The number of an open region other than `seen`; spins, then sleeps.
uint32_t Pool::next_region(uint32_t seen) {
    for (int spins = 0;; ++spins) {
        const uint32_t region = region_.load();
        if (stopping_.load()) return 0;
        if (region % 2 == 1 && region != seen) return region;
        relax();
        if (spins < kSpins) continue;
        region_.wait(region);
        spins = 0;
    }
}

// inside_ before region_ here, region_ before inside_ in run_region, all sequentially consistent:
// either this worker sees that the region was closed, or the caller sees this worker inside.
void Pool::work(unsigned thread) {
    for (uint32_t region = 0; (region = next_region(region)) != 0;) {
        inside_.fetch_add(1);
        if (region_.load() == region) take_tasks(thread);
        inside_.fetch_sub(1);
    }
}

}  // namespace afs::cpu
