#include "runtime/stack_limit.hpp"

#include <sys/resource.h>

namespace afs {
namespace {

// PCRE2 10.42 alone compiles in a frame of 18 KiB and matches in one of 31 KiB.
constexpr rlim_t kLeastBytes = 1 << 20;

}  // namespace

Status check_stack_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= kLeastBytes) return {};
    return Status(Code::no_memory, "cannot start: a stack may have " +
                                       std::to_string(limit.rlim_cur >> 10) + " KiB here, needs " +
                                       std::to_string(kLeastBytes >> 10) +
                                       "; raise it: ulimit -s 8192");
}

}  // namespace afs
