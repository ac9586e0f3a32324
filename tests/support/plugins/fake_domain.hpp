// The ABI of domain "fake/1": a second memory on the host, for tests. Device addresses point into
// a region that nobody may touch; the bytes lie kShift above, so reading a device address on the
// host is a segmentation fault. A stream is a FakeStream: work is queued and runs on its thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>

namespace afs_test {

constexpr std::uintptr_t kFakeSize = std::uintptr_t{1} << 34;  // of either region

struct FakeStream {
    // Runs work on the stream's thread after all that was queued before; recorded while capturing.
    virtual void enqueue(std::function<void()> work) = 0;
    // Where the bytes of an address lie; pinned and other host addresses stay as they are.
    virtual void* bytes_of(const void* address) const = 0;

protected:
    ~FakeStream() = default;
};

}  // namespace afs_test
