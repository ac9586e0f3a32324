// Memory of one domain, given back when the owner dies.
#pragma once
#include <memory>
#include <utility>

#include "afs/kernels.hpp"

namespace afs {

class Buffer {
public:
    Buffer() = default;
    static Result<Buffer> create(std::shared_ptr<Device> device, int32_t place, uint64_t bytes) {
        AFS_ASSIGN(void* data, device->alloc(place, bytes));
        Buffer made;
        made.device_ = std::move(device);
        made.place_ = place;
        made.bytes_ = bytes;
        made.data_ = static_cast<char*>(data);
        return made;
    }
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept {
        Buffer(std::move(other)).swap(*this);
        return *this;
    }
    ~Buffer() {
        if (device_) device_->release(place_, data_);
    }

    char* data() const { return data_; }
    uint64_t bytes() const { return bytes_; }
    template <class T>
    T* as() const {
        return reinterpret_cast<T*>(data_);
    }

private:
    void swap(Buffer& other) noexcept {
        std::swap(device_, other.device_);
        std::swap(place_, other.place_);
        std::swap(bytes_, other.bytes_);
        std::swap(data_, other.data_);
    }

    std::shared_ptr<Device> device_;
    int32_t place_ = AFS_MEM_DEVICE;
    uint64_t bytes_ = 0;
    char* data_ = nullptr;
};

}  // namespace afs
