#include "engine/domain.hpp"

#include "engine/cpu_device.hpp"

namespace afs {

Result<Event> Event::create(std::shared_ptr<Device> device) {
    Event made;
    AFS_ASSIGN(made.event_, device->event_create());
    made.device_ = std::move(device);
    return made;
}

Result<Event> Event::create_timer(std::shared_ptr<Device> device) {
    Event made;
    AFS_ASSIGN(made.event_, device->timer_create());
    made.device_ = std::move(device);
    return made;
}

Event::~Event() {
    if (device_) device_->event_destroy(event_);
}

Result<std::unique_ptr<Domain>> Domain::create(const Memory& memory, uint64_t record_bytes) {
    std::unique_ptr<Domain> made(new Domain);
    made->device_ = memory.device ? memory.device : std::make_shared<CpuDevice>();
    afs_device_info info = make<afs_device_info>();
    AFS_TRY(made->device_->info(info));
    made->flags_ = info.flags;
    made->name_ = info.domain;
    AFS_ASSIGN(made->stream_, made->device_->stream_create());
    made->has_stream_ = true;
    AFS_ASSIGN(made->record_, Buffer::create(made->device_, AFS_MEM_DEVICE, record_bytes));
    for (int i = 0; i < 2; ++i) {
        AFS_ASSIGN(made->sources_[i], Buffer::create(made->device_, AFS_MEM_PINNED, record_bytes));
        AFS_ASSIGN(made->sent_[i], Event::create(made->device_));
    }
    return made;
}

Domain::~Domain() {
    if (!has_stream_) return;
    // Nothing may be freed under a running step; a failure here has nobody to tell.
    static_cast<void>(device_->stream_sync(stream_).ok());
    device_->stream_destroy(stream_);
}

Status Domain::send(const Batch& batch, const RecordLayout& layout, uint32_t block_size) {
    const uint32_t source = next_source_;
    AFS_TRY(sent_[source].sync());
    layout.write(batch, block_size, sources_[source].data());
    AFS_TRY(device_->copy(stream_, AFS_COPY_H2D, record_.data(), sources_[source].data(),
                          layout.bytes()));
    next_source_ = 1 - source;
    return sent_[source].record(stream_);
}

Status Domain::reserve_workspace(uint64_t bytes) {
    if (bytes == 0 || (!workspaces_.empty() && workspaces_.back().bytes() >= bytes)) return {};
    AFS_ASSIGN(Buffer larger, Buffer::create(device_, AFS_MEM_DEVICE, bytes));
    workspaces_.push_back(std::move(larger));
    return {};
}

}  // namespace afs
