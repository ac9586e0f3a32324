// What a fuzz target holds true of every input: a finding where it does not.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <string>

#include "afs/status.hpp"

namespace afs::fuzz {

inline void require(bool holds, const std::string& what) {
    if (holds) return;
    std::fprintf(stderr, "finding: %s\n", what.c_str());
    std::abort();
}

// A refusal says something, and is no mistake of the program's own.
inline void require_clean(const Status& refusal) {
    require(refusal.message().size() >= 10, "a refusal without a reason: " + refusal.message());
    require(refusal.code() != Code::internal, "an internal error: " + refusal.message());
}

}  // namespace afs::fuzz
