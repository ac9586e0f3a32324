// Counts what is allocated while one input is read: no lie in a header may cost more than 64 MiB,
// in one piece or in many.
#pragma once
#include <cstddef>
#include <cstdint>

namespace afs::fuzz {

class AllocationLimit {
public:
    static constexpr int64_t kBytes = int64_t{64} << 20;
    AllocationLimit();  // from here on; beyond the limit: a finding
    ~AllocationLimit();
    AllocationLimit(const AllocationLimit&) = delete;
    AllocationLimit& operator=(const AllocationLimit&) = delete;
};

}  // namespace afs::fuzz
