// The threads that share a region's tasks. Workers spin for a while after a region, so that the
// regions of one step follow each other without a system call, then sleep until the next step.
//
// Nobody waits for a worker that has not come: the caller takes tasks too, closes the region when
// none is left, and waits only for those who are inside. So a sleeping or preempted worker costs
// its share of the work, not a stall.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace afs::cpu {

class Pool {
public:
    explicit Pool(unsigned n_threads);  // the caller's counted
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // Threads that there are: fewer than asked for where the system refuses some.
    unsigned size() const { return static_cast<unsigned>(workers_.size()) + 1; }

    // Calls f(task, thread) for every task < n_tasks, each once, thread < size(). f may not throw
    // and may not start a region.
    template <class F>
    void run(size_t n_tasks, const F& f) {
        if (n_tasks <= 1 || workers_.empty()) {
            for (size_t task = 0; task < n_tasks; ++task) f(task, 0u);
            return;
        }
        run_region(n_tasks, &f, [](const void* context, size_t task, unsigned thread) {
            (*static_cast<const F*>(context))(task, thread);
        });
    }

private:
    using Call = void (*)(const void* context, size_t task, unsigned thread);
    void run_region(size_t n_tasks, const void* context, Call call);
    void take_tasks(unsigned thread);
    void work(unsigned thread);
    uint32_t next_region(uint32_t seen);

    // The region: written by the caller while no worker is inside.
    Call call_ = nullptr;
    const void* context_ = nullptr;
    size_t n_tasks_ = 0;
    alignas(64) std::atomic<size_t> next_{0};
    alignas(64) std::atomic<uint32_t> region_{0};  // odd: open; one more: closed
    alignas(64) std::atomic<uint32_t> inside_{0};  // workers that may read the region
    std::atomic<bool> stopping_{false};
    std::vector<std::thread> workers_;
};

}  // namespace afs::cpu
