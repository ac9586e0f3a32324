// The plugin that owns domain "fake/1": memory that the host cannot read, asynchronous streams with
// events, capture as a list of recorded work, and every op. Options: "ops": "none" (owner only),
// "no-sample" (all but sample/1) or "idle" (all, but none computes: what the host costs is left);
// "fail_alloc": "N" (the N-th allocation fails); "memory_mib": "N" (how much the device has);
// "timers": "off" (it has none).
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "afs/plugin/kernels.hpp"
#include "fake_ops.hpp"

namespace {

using afs::Code;
using afs::Status;
using Work = std::function<void()>;

// The two regions: [base, base + size) is untouchable, the bytes lie one size above.
class Arena {
public:
    Arena() {
        void* both = mmap(nullptr, 2 * afs_test::kFakeSize, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (both == MAP_FAILED) return;
        char* bytes = static_cast<char*>(both) + afs_test::kFakeSize;
        if (mprotect(bytes, afs_test::kFakeSize, PROT_READ | PROT_WRITE) != 0) return;
        base_ = static_cast<char*>(both);
    }
    ~Arena() {
        if (base_) munmap(base_, 2 * afs_test::kFakeSize);
    }
    Arena(const Arena&) = delete;
    bool good() const { return base_ != nullptr; }

    void* allocate(uint64_t bytes) {
        const uint64_t size = (bytes + 255) / 256 * 256 + 256;
        const std::lock_guard<std::mutex> lock(mutex_);
        for (auto it = free_.begin(); it != free_.end(); ++it)
            if (it->second >= size) {
                const uint64_t at = it->first, left = it->second - size;
                free_.erase(it);
                if (left) free_[at + size] = left;
                used_[at] = size;
                in_use_ += size;
                return base_ + at;
            }
        if (end_ + size > afs_test::kFakeSize) return nullptr;
        used_[end_] = size;
        in_use_ += size;
        end_ += size;
        return base_ + (end_ - size);
    }
    void release(void* address) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto it = used_.find(static_cast<uint64_t>(static_cast<char*>(address) - base_));
        if (it == used_.end()) std::abort();  // a test's double free
        madvise(base_ + afs_test::kFakeSize + it->first, it->second, MADV_DONTNEED);
        free_[it->first] = it->second;
        in_use_ -= it->second;
        used_.erase(it);
    }
    uint64_t used() const { return in_use_; }
    void* bytes_of(const void* address) const {
        auto* p = static_cast<char*>(const_cast<void*>(address));
        return p >= base_ && p < base_ + afs_test::kFakeSize ? p + afs_test::kFakeSize : p;
    }

private:
    char* base_ = nullptr;
    uint64_t end_ = 0;
    std::atomic<uint64_t> in_use_{0};
    std::mutex mutex_;
    std::map<uint64_t, uint64_t> free_, used_;  // offset, size
};

class Stream final : public afs_test::FakeStream {
public:
    explicit Stream(const Arena& arena) : arena_(arena), thread_([this] { loop(); }) {}
    ~Stream() {
        queue([this] { stop_ = true; });
        thread_.join();
    }
    void enqueue(Work work) override {
        if (capture_) return capture_->push_back(std::move(work));
        queue(std::move(work));
    }
    void* bytes_of(const void* address) const override { return arena_.bytes_of(address); }

    void queue(Work work) {
        const std::lock_guard<std::mutex> lock(mutex_);
        work_.push_back(std::move(work));
        ++queued_;
        changed_.notify_all();
    }
    void sync() {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [&, until = queued_] { return done_ >= until; });
    }
    std::unique_ptr<std::vector<Work>> capture_;

private:
    void loop() {
        while (!stop_) {
            Work work;
            {
                std::unique_lock<std::mutex> lock(mutex_);
                changed_.wait(lock, [&] { return !work_.empty(); });
                work = std::move(work_.front());
                work_.pop_front();
            }
            if (++n_ % 64 == 0) usleep(300);  // whoever forgets to wait shall lose
            work();
            const std::lock_guard<std::mutex> lock(mutex_);
            ++done_;
            changed_.notify_all();
        }
    }

    const Arena& arena_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Work> work_;
    uint64_t queued_ = 0, done_ = 0, n_ = 0;
    bool stop_ = false;
    std::thread thread_;
};

// Counts records: asked for and reached.
struct Event {
    std::mutex mutex;
    std::condition_variable changed;
    uint64_t asked = 0, reached = 0;
    std::chrono::steady_clock::time_point at{};  // of the last time it was reached
    void wait(uint64_t until) {
        std::unique_lock<std::mutex> lock(mutex);
        changed.wait(lock, [&] { return reached >= until; });
    }
};

class FakeDevice final : public afs::Device {
public:
    FakeDevice(uint64_t fail_alloc, uint64_t total, bool timers)
        : fail_alloc_(fail_alloc), total_(total), timers_(timers) {}
    bool good() const { return arena_.good(); }

    Status info(afs_device_info& out) override {
        out.flags = AFS_DEV_CAPTURE;
        out.total = total_;
        out.available = total_ - std::min(total_, arena_.used());
        afs::put(out.domain, "fake:0");
        afs::put(out.name, "fake device");
        return {};
    }
    afs::Result<void*> alloc(int32_t place, uint64_t bytes) override {
        if (++n_allocs_ == fail_alloc_)
            return Status(Code::no_memory, "out of fake memory: needed " + std::to_string(bytes) +
                                               " bytes, available 0");
        const uint64_t available = total_ - std::min(total_, arena_.used());
        void* made = nullptr;
        if (place == AFS_MEM_PINNED)
            made = std::aligned_alloc(256, (bytes + 511) / 256 * 256);
        else if (bytes <= available)
            made = arena_.allocate(bytes);
        if (made) return made;
        return Status(Code::no_memory, "out of fake memory: needed " + std::to_string(bytes >> 20) +
                                           " MiB, available " + std::to_string(available >> 20) +
                                           " MiB");
    }
    void release(int32_t place, void* address) override {
        if (!address) return;
        if (place == AFS_MEM_PINNED)
            std::free(address);
        else
            arena_.release(address);
    }
    Status copy(afs_stream s, int32_t, void* to, const void* from, uint64_t bytes) override {
        return on(s, [this, to, from, bytes] {
            std::memmove(arena_.bytes_of(to), arena_.bytes_of(from), bytes);
        });
    }
    Status fill(afs_stream s, void* to, uint8_t byte, uint64_t bytes) override {
        return on(s, [this, to, byte, bytes] { std::memset(arena_.bytes_of(to), byte, bytes); });
    }
    afs::Result<afs_stream> stream_create() override {
        afs_test::FakeStream* made = new Stream(arena_);
        return static_cast<afs_stream>(made);
    }
    void stream_destroy(afs_stream s) override { delete stream(s); }
    Status stream_sync(afs_stream s) override {
        if (!s) return {};
        if (stream(s)->capture_) return afs::invalid("a stream is synchronised while it captures");
        stream(s)->sync();
        return {};
    }
    afs::Result<afs_event*> event_create() override {
        return reinterpret_cast<afs_event*>(new Event);
    }
    void event_destroy(afs_event* e) override {
        event(e)->wait(event(e)->asked);
        delete event(e);
    }
    Status event_record(afs_event* e, afs_stream s) override {
        ++event(e)->asked;
        return on(s, [e] {
            Event* it = event(e);
            const std::lock_guard<std::mutex> lock(it->mutex);
            ++it->reached;
            it->at = std::chrono::steady_clock::now();
            it->changed.notify_all();
        });
    }
    Status event_sync(afs_event* e) override {
        event(e)->wait(event(e)->asked);
        return {};
    }
    Status stream_wait(afs_stream s, afs_event* e) override {
        return on(s, [e, until = event(e)->asked] { event(e)->wait(until); });
    }
    afs::Result<afs_event*> timer_create() override {
        return timers_ ? event_create() : afs::Device::timer_create();
    }
    afs::Result<double> elapsed(afs_event* from, afs_event* to) override {
        for (afs_event* e : {from, to}) {
            const std::lock_guard<std::mutex> lock(event(e)->mutex);
            if (event(e)->reached == 0) return afs::invalid("a timer was not reached yet");
        }
        return std::chrono::duration<double>(event(to)->at - event(from)->at).count();
    }
    Status capture_begin(afs_stream s) override {
        if (!s || stream(s)->capture_) return afs::invalid("this stream cannot begin a capture");
        stream(s)->capture_ = std::make_unique<std::vector<Work>>();
        return {};
    }
    afs::Result<afs_capture*> capture_end(afs_stream s, bool abandon) override {
        if (!s || !stream(s)->capture_) return afs::invalid("this stream captures nothing");
        auto recorded = std::move(stream(s)->capture_);
        return reinterpret_cast<afs_capture*>(abandon ? nullptr : recorded.release());
    }
    Status replay(afs_capture* c, afs_stream s) override {
        if (stream(s)->capture_) return afs::invalid("a capture is replayed into a capture");
        const auto* recorded = reinterpret_cast<const std::vector<Work>*>(c);
        return on(s, [recorded] {
            for (const Work& work : *recorded) work();
        });
    }
    void capture_destroy(afs_capture* c) override {
        delete reinterpret_cast<std::vector<Work>*>(c);
    }

private:
    static Stream* stream(afs_stream s) {
        return static_cast<Stream*>(static_cast<afs_test::FakeStream*>(s));
    }
    static Event* event(afs_event* e) { return reinterpret_cast<Event*>(e); }
    // The default stream is synchronous.
    static Status on(afs_stream s, Work work) {
        if (s)
            stream(s)->enqueue(std::move(work));
        else
            work();
        return {};
    }

    Arena arena_;
    uint64_t fail_alloc_, total_, n_allocs_ = 0;
    bool timers_;
};

// Takes no time; every sampled id stays 0.
class IdleOp final : public afs::Op {
    Status run(const afs_run&) override { return {}; }
};

class FakeBackend final : public afs::KernelBackend {
public:
    explicit FakeBackend(const afs::OpenArgs& args)
        : ops_(args.option("ops", "all")),
          device_(std::stoull(args.option("fail_alloc", "0")),
                  std::stoull(args.option("memory_mib", "4096")) << 20,
                  args.option("timers", "on") == "on") {}
    static afs::Result<std::unique_ptr<afs::KernelBackend>> create(const afs::OpenArgs& args) {
        auto made = std::make_unique<FakeBackend>(args);
        if (!made->device_.good()) return Status(Code::no_memory, "no room for the fake memory");
        return std::unique_ptr<afs::KernelBackend>(std::move(made));
    }
    afs::Device* device() override { return &device_; }
    Status query(const afs_query& query, afs_verdict& out) override {
        if (ops_ == "none" || (ops_ == "no-sample" && afs::Node(query).is("sample/1"))) {
            afs::put(out.reason, "the option ops=" + ops_ + " leaves it out");
            return {};
        }
        afs_test::answer(query, out);
        return {};
    }
    afs::Result<std::unique_ptr<afs::Op>> prepare(const afs_query& query) override {
        if (ops_ == "idle") return std::unique_ptr<afs::Op>(new IdleOp);
        return std::unique_ptr<afs::Op>(new afs_test::FakeOp(afs::Node(query)));
    }

private:
    std::string ops_;
    FakeDevice device_;
};

}  // namespace

AFS_KERNELS_PLUGIN(FakeBackend, "test-fakedev", "0.1", "Apache-2.0", "fake/1", nullptr, "afs.ops/1",
                   "afs.device/1");
