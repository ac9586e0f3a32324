// Memory that a backend's kernels can read: its device's, or the host's where it has none.
#pragma once
#include <cstdlib>
#include <cstring>
#include <vector>

#include "afs/kernels.hpp"
#include "conformance/cases/step_data.hpp"

namespace afs::conformance {

// Released at the end. The first failure stays in status.
class DomainMemory {
public:
    explicit DomainMemory(Device* device, afs_stream stream = nullptr)
        : device_(device), stream_(stream) {}
    ~DomainMemory() {
        for (void* p : owned_) device_ ? device_->release(AFS_MEM_DEVICE, p) : std::free(p);
    }
    DomainMemory(const DomainMemory&) = delete;
    DomainMemory& operator=(const DomainMemory&) = delete;

    void* room(size_t bytes) {
        if (!device_) {
            owned_.push_back(std::aligned_alloc(256, (bytes + 256) / 256 * 256));
        } else {
            Result<void*> got = device_->alloc(AFS_MEM_DEVICE, bytes + 1);
            if (!got.ok()) return keep(got.status()), nullptr;
            owned_.push_back(*got);
        }
        return owned_.back();
    }
    void put(void* to, const void* from, size_t bytes) { copy(AFS_COPY_H2D, to, from, bytes); }
    void take(void* to, const void* from, size_t bytes) { copy(AFS_COPY_D2H, to, from, bytes); }
    template <class T>
    T* put_in(const std::vector<T>& data) {
        void* to = room(data.size() * sizeof(T));
        if (to) put(to, data.data(), data.size() * sizeof(T));
        return static_cast<T*>(to);
    }
    template <class T>
    void take_out(std::vector<T>& data, const void* from) {
        take(data.data(), from, data.size() * sizeof(T));
    }
    void fill(void* to, uint8_t byte, size_t bytes) {
        if (!device_)
            std::memset(to, byte, bytes);
        else
            keep(device_->fill(stream_, to, byte, bytes));
    }
    void sync() {
        if (device_) keep(device_->stream_sync(stream_));
    }
    afs_stream stream() const { return stream_; }
    Status status;

private:
    void copy(int32_t how, void* to, const void* from, size_t bytes) {
        if (!bytes) return;
        if (!device_)
            std::memcpy(to, from, bytes);
        else
            keep(device_->copy(stream_, how, to, from, bytes));
        sync();
    }
    void keep(const Status& s) {
        if (status.ok()) status = s;
    }
    Device* device_;
    afs_stream stream_;
    std::vector<void*> owned_;
};

inline afs_step step_in(DomainMemory& memory, const StepData& data, int32_t* prev_ids,
                        int32_t* host_ids) {
    afs_step step = make<afs_step>();
    step.n_tokens = data.n_tokens();
    step.n_seqs = data.n_seqs();
    step.n_rows = data.n_rows();
    step.max_blocks = data.max_blocks;
    step.max_context = data.max_context;
    step.token_ids = memory.put_in(data.token_ids);
    step.positions = memory.put_in(data.positions);
    step.slots = memory.put_in(data.slots);
    step.cu_seqlens = memory.put_in(data.cu_seqlens);
    step.context_lens = memory.put_in(data.context_lens);
    step.block_table = memory.put_in(data.block_table);
    step.logit_rows = memory.put_in(data.logit_rows);
    step.rows = memory.put_in(data.rows);
    step.prev_ids = prev_ids;
    step.host_ids = host_ids;
    return step;
}

}  // namespace afs::conformance
