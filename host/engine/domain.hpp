// One memory of the plan as the engine uses it: a stream, the domain's copy of the step record with
// its two pinned sources, the workspace that all nodes of the stream share.
#pragma once
#include <vector>

#include "engine/buffer.hpp"
#include "engine/record.hpp"
#include "planner/plan.hpp"

namespace afs {

class Event {
public:
    Event() = default;
    static Result<Event> create(std::shared_ptr<Device> device);
    // One that Device::elapsed takes; UNSUPPORTED where the device has none.
    static Result<Event> create_timer(std::shared_ptr<Device> device);
    Event(Event&& other) noexcept
        : device_(std::move(other.device_)), event_(std::exchange(other.event_, nullptr)) {}
    Event& operator=(Event&& other) noexcept {
        std::swap(device_, other.device_);
        std::swap(event_, other.event_);
        return *this;
    }
    ~Event();
    Status record(afs_stream stream) { return device_->event_record(event_, stream); }
    Status sync() { return device_->event_sync(event_); }
    afs_event* get() const { return event_; }

private:
    std::shared_ptr<Device> device_;
    afs_event* event_ = nullptr;
};

class Domain {
public:
    static Result<std::unique_ptr<Domain>> create(const Memory& memory, uint64_t record_bytes);
    ~Domain();

    Device& device() { return *device_; }
    const std::shared_ptr<Device>& shared_device() const { return device_; }
    afs_stream stream() const { return stream_; }
    bool host_reads() const { return (flags_ & AFS_DEV_HOST_READS) != 0; }
    bool synchronous() const { return (flags_ & AFS_DEV_SYNCHRONOUS) != 0; }
    bool captures() const { return (flags_ & AFS_DEV_CAPTURE) != 0; }
    const std::string& name() const { return name_; }

    // Writes the batch to the next pinned source and enqueues its copy.
    Status send(const Batch& batch, const RecordLayout& layout, uint32_t block_size);
    const char* record() const { return record_.data(); }

    Status sync() { return device_->stream_sync(stream_); }
    // At least this large from now on. What was handed out before stays valid.
    Status reserve_workspace(uint64_t bytes);
    void* workspace() const { return workspaces_.empty() ? nullptr : workspaces_.back().data(); }

private:
    Domain() = default;

    std::shared_ptr<Device> device_;
    uint32_t flags_ = 0;
    std::string name_;
    afs_stream stream_ = nullptr;
    bool has_stream_ = false;
    Buffer record_, sources_[2];
    Event sent_[2];  // the copy from a source is done
    uint32_t next_source_ = 0;
    std::vector<Buffer> workspaces_;
};

}  // namespace afs
