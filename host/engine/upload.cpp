#include "engine/upload.hpp"

#include <exception>

#include "afs/parallel.hpp"

namespace afs {

Result<std::unique_ptr<Upload>> Upload::create(Domain& domain, uint32_t n_readers) {
    std::unique_ptr<Upload> made(new Upload(domain));
    if (n_readers == 0) n_readers = std::min(n_processors(), kMostReaders);
    // For each reader one buffer to fill and one that is being copied.
    for (uint32_t i = 0; i < 2 * n_readers; ++i) {
        Slot& slot = made->slots_.emplace_back();
        AFS_ASSIGN(slot.pinned, Buffer::create(domain.shared_device(), AFS_MEM_PINNED, kChunk));
        AFS_ASSIGN(slot.copied, Event::create(domain.shared_device()));
        made->free_.push_back(&slot);
    }
    made->start_readers(n_readers);
    return made;
}

Upload::~Upload() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stop_ = true;
    }
    jobs_changed_.notify_all();
    for (std::thread& reader : readers_) reader.join();
    // No copy may read what is freed now; a failure here has nobody to tell.
    static_cast<void>(domain_.sync().ok());
}

void Upload::start_readers(uint32_t n) {
    try {
        for (uint32_t i = 0; i < n; ++i) readers_.emplace_back([this] { read_jobs(); });
    } catch (const std::exception&) {  // fewer will do; without any, add() reads itself
    }
}

void Upload::read_jobs() {
    for (;;) {
        std::unique_lock<std::mutex> lock(mutex_);
        jobs_changed_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
        if (stop_) return;
        const Job job = jobs_.front();
        jobs_.pop_front();
        lock.unlock();
        job.from.read(job.slot->pinned.data(), job.offset, job.bytes);
        lock.lock();
        job.slot->filled = true;
        filled_changed_.notify_one();
    }
}

bool Upload::is_filled(const Slot& slot) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return slot.filled;
}

Status Upload::enqueue_oldest() {
    Entry entry = std::move(pending_.front());
    pending_.pop_front();
    if (entry.action) return entry.action();
    {
        std::unique_lock<std::mutex> lock(mutex_);
        filled_changed_.wait(lock, [&] { return entry.slot->filled; });
        entry.slot->filled = false;
    }
    copying_.push_back(entry.slot);
    AFS_TRY(domain_.device().copy(domain_.stream(), AFS_COPY_H2D, entry.to,
                                  entry.slot->pinned.data(), entry.bytes));
    return entry.slot->copied.record(domain_.stream());
}

Status Upload::enqueue_ready() {
    while (!pending_.empty() && (pending_.front().action || is_filled(*pending_.front().slot)))
        AFS_TRY(enqueue_oldest());
    return {};
}

Result<Upload::Slot*> Upload::free_slot() {
    AFS_TRY(enqueue_ready());
    while (free_.empty()) {
        const bool half_copies = copying_.size() >= slots_.size() / 2;
        if (!half_copies && !pending_.empty()) {
            AFS_TRY(enqueue_oldest());
            continue;
        }
        AFS_TRY(copying_.front()->copied.sync());
        free_.push_back(copying_.front());
        copying_.pop_front();
    }
    Slot* const slot = free_.front();
    free_.pop_front();
    return slot;
}

Status Upload::add(char* to, const WeightBytes& from) {
    for (uint64_t offset = 0; offset < from.size(); offset += kChunk) {
        AFS_ASSIGN(Slot * slot, free_slot());
        const uint64_t bytes = std::min(kChunk, from.size() - offset);
        Entry entry;
        entry.slot = slot;
        entry.to = to + offset;
        entry.bytes = bytes;
        pending_.push_back(std::move(entry));
        if (readers_.empty()) {
            from.read(slot->pinned.data(), offset, bytes);
            slot->filled = true;
            continue;
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        jobs_.push_back({slot, from, offset, bytes});
        jobs_changed_.notify_one();
    }
    return {};
}

Status Upload::then(std::function<Status()> action) {
    Entry entry;
    entry.action = std::move(action);
    pending_.push_back(std::move(entry));
    return enqueue_ready();
}

Status Upload::finish() {
    Status status;
    while (status.ok() && !pending_.empty()) status = enqueue_oldest();
    const Status done = domain_.sync();
    return status.ok() ? done : status;
}

}  // namespace afs
