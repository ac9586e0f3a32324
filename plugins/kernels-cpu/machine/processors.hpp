// How many threads can run at once.
#pragma once

namespace afs::cpu {

// Processors that this process may use: its affinity, cut to the cgroup's quota. At least 1.
unsigned usable_processors();

}  // namespace afs::cpu
