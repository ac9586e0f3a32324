// How much memory this process can still take.
#pragma once
#include <cstdint>

namespace afs {

// Bytes without swapping: the least of what the machine, the control group and the limit on address
// space (ulimit -v) leave; UINT64_MAX where nothing is known.
uint64_t available_memory();

}  // namespace afs
