// Weights on their way to a memory that cannot read the mapped file: threads read it into pinned
// buffers, several at once, while the stream copies from others. The order on the stream is the
// order of the calls, so what follows a weight (a packing) follows it there too.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "engine/domain.hpp"
#include "engine/weight_bytes.hpp"

namespace afs {

class Upload {
public:
    static constexpr uint64_t kChunk = 4u << 20;  // bytes of one pinned buffer
    static constexpr uint32_t kMostReaders = 8;

    // n_readers 0: as many as there are processors, but at most kMostReaders.
    static Result<std::unique_ptr<Upload>> create(Domain& domain, uint32_t n_readers = 0);
    ~Upload();
    Upload(const Upload&) = delete;
    Upload& operator=(const Upload&) = delete;

    // `from` must stay readable until finish().
    Status add(char* to, const WeightBytes& from);
    // Called in this thread once all that was added before is enqueued on the domain's stream.
    Status then(std::function<Status()> action);
    // Everything is done when it returns, also where it failed.
    Status finish();

private:
    struct Slot {
        Buffer pinned;
        Event copied;
        bool filled = false;  // under mutex_
    };
    struct Entry {  // a chunk, or an action between chunks
        Slot* slot = nullptr;
        char* to = nullptr;
        uint64_t bytes = 0;
        std::function<Status()> action;
    };
    struct Job {
        Slot* slot;
        const WeightBytes from;
        uint64_t offset, bytes;
    };

    explicit Upload(Domain& domain) : domain_(domain) {}
    void start_readers(uint32_t n);
    void read_jobs();
    bool is_filled(const Slot& slot);
    Result<Slot*> free_slot();
    Status enqueue_oldest();  // waits until it is read
    Status enqueue_ready();   // those that are read already

    Domain& domain_;
    std::deque<Slot> slots_;
    std::deque<Slot*> free_, copying_;  // of the calling thread, as is pending_
    std::deque<Entry> pending_;         // not yet on the stream, oldest first
    std::vector<std::thread> readers_;
    std::mutex mutex_;
    std::condition_variable jobs_changed_, filled_changed_;
    std::deque<Job> jobs_;
    bool stop_ = false;
};

}  // namespace afs
