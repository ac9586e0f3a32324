// How many trials a test takes that has many of one kind.
#pragma once

namespace afs::test {

// Under sanitizers, where a trial takes long, one of so many: its memory and its arithmetic are
// those of the others; the results of all are seen without sanitizers.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kOneOf = 13;
#else
constexpr int kOneOf = 1;
#endif

}  // namespace afs::test
