// How many processors this process may use.
#pragma once
#include <cstdint>

namespace afs {

uint32_t n_processors();  // at least 1

}  // namespace afs
