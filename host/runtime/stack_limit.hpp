// The stack that the system grants this process.
#pragma once
#include "afs/status.hpp"

namespace afs {

// Refuses a limit (`ulimit -s`) below what nested texts, templates and expressions may take:
// without it a deep one would crash, and some plugins at once. Threads get as much as the limit
// says when the program starts.
Status check_stack_limit();

}  // namespace afs
