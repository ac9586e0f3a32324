#include "engine/cpu_device.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "afs/parallel.hpp"
#include "afs/weights/available_memory.hpp"

namespace afs {
namespace {

// 0: unknown.
uint64_t available_bytes() {
    const uint64_t available = available_memory();
    return available == UINT64_MAX ? 0 : available;
}

// Sums n words so that the compiler keeps every load, in kStrands side by side. What comes next is
// asked for by hand, far ahead and near: loads alone do not keep memory busy.
template <size_t kStrands>
uint64_t read_all(const uint64_t* words, size_t n) {
    constexpr size_t kLine = 8, kFar = 1024, kNear = 128;  // words
    const size_t strand = n / kStrands;
    uint64_t lanes[kLine] = {};
    for (size_t i = 0; i + kLine <= strand; i += kLine)
        for (size_t s = 0; s < kStrands; ++s) {
            const uint64_t* line = words + s * strand + i;
            __builtin_prefetch(line + kFar, 0, 2);
            __builtin_prefetch(line + kNear, 0, 3);
            for (size_t j = 0; j < kLine; ++j) lanes[j] += line[j];
        }
    uint64_t sum = 0;
    for (const uint64_t lane : lanes) sum += lane;
    return sum;
}

}  // namespace

Status CpuDevice::info(afs_device_info& out) {
    const auto pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);
    out.flags = AFS_DEV_HOST_READS | AFS_DEV_SYNCHRONOUS;
    out.total = static_cast<uint64_t>(pages) * static_cast<uint64_t>(page);
    out.available = available_bytes();
    put(out.domain, "cpu:0");
    put(out.name, "host memory");
    return {};
}

// Large blocks in large pages, where the system has some: weights are read from end to end for
// every token.
Result<void*> CpuDevice::alloc(int32_t, uint64_t bytes) {
    constexpr uint64_t kPage = uint64_t{2} << 20;
    const uint64_t alignment = bytes >= 2 * kPage ? kPage : 256;
    const uint64_t rounded = (bytes + alignment - 1) / alignment * alignment;
    const uint64_t available = available_bytes();
    // Linux hands out more than there is and kills later; refuse while there is still a choice.
    const bool too_much = available != 0 && rounded > available;
    void* memory = too_much ? nullptr : std::aligned_alloc(alignment, rounded ? rounded : 256);
    if (memory && alignment == kPage) madvise(memory, rounded, MADV_HUGEPAGE);  // advice only
    if (memory) return memory;
    return Status(Code::no_memory, "out of host memory: needed " + std::to_string(bytes >> 20) +
                                       " MiB, available " + std::to_string(available >> 20) +
                                       " MiB");
}

void CpuDevice::release(int32_t, void* address) {
    std::free(address);
}

Status CpuDevice::copy(afs_stream, int32_t, void* to, const void* from, uint64_t bytes) {
    if (bytes) std::memcpy(to, from, bytes);
    return {};
}

Status CpuDevice::fill(afs_stream, void* to, uint8_t byte, uint64_t bytes) {
    if (bytes) std::memset(to, byte, bytes);
    return {};
}

Result<afs_stream> CpuDevice::stream_create() {
    return afs_stream{nullptr};
}
void CpuDevice::stream_destroy(afs_stream) {}
Status CpuDevice::stream_sync(afs_stream) {
    return {};
}
Result<afs_event*> CpuDevice::event_create() {
    return static_cast<afs_event*>(nullptr);
}
void CpuDevice::event_destroy(afs_event*) {}
Status CpuDevice::event_record(afs_event*, afs_stream) {
    return {};
}
Status CpuDevice::event_sync(afs_event*) {
    return {};
}
Status CpuDevice::stream_wait(afs_stream, afs_event*) {
    return {};
}

Result<double> CpuDevice::read_ceiling() {
    const size_t bytes = size_t{512} << 20, words = bytes / sizeof(uint64_t);
    const uint32_t n = n_processors();
    std::vector<uint64_t> sums(n);
    AFS_ASSIGN(void* memory, alloc(AFS_MEM_DEVICE, bytes));
    const std::unique_ptr<void, void (*)(void*)> owned(memory, std::free);
    madvise(memory, bytes, MADV_HUGEPAGE);  // advice only: a refusal costs some speed
    std::memset(memory, 1, bytes);
    const auto* data = static_cast<const uint64_t*>(memory);
    double best = 0;
    for (int sweep = 0; sweep < 12; ++sweep) {
        const auto read = sweep % 3 == 0 ? read_all<1> : sweep % 3 == 1 ? read_all<2> : read_all<4>;
        const auto start = std::chrono::steady_clock::now();
        parallel_for(n, n, [&](size_t t) {
            const size_t from = words * t / n, to = words * (t + 1) / n;
            sums[t] += read(data + from, to - from);
        });
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        best = std::max(best, static_cast<double>(bytes) / took.count());
    }
    if (sums[0] == 0) return Status(Code::internal, "the read sweep read nothing");
    return best;
}

}  // namespace afs
