// How many trials a test takes that has many of one kind.
#pragma once
#include <cstdlib>

namespace afs::test {

// Under sanitizers, where a trial takes long, one of so many: its memory and its arithmetic are
// those of the others; the results of all are seen without sanitizers.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kOneOf = 13;
#else
constexpr int kOneOf = 1;
#endif

// Also where AFS_ONE_OF says so: on an emulated processor (tools/older_processors.sh).
inline int one_of() {
    const char* asked = std::getenv("AFS_ONE_OF");
    const int n = asked ? std::atoi(asked) : 0;
    return n > 0 ? n : kOneOf;
}

}  // namespace afs::test
