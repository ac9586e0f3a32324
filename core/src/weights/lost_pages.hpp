// The mapped files that there are now, for the handler of a signal: it may take no lock.
#pragma once
#include <cstdint>

namespace afs {

// path: lives until the pages are forgotten.
void watch_pages(const uint8_t* begin, uint64_t bytes, const char* path);
void forget_pages(const uint8_t* begin);

}  // namespace afs
