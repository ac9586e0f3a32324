// Backends whose answers an input describes. They answer the same question alike every time, as the
// contract demands; all else may be wrong.
#pragma once
#include <fuzzer/FuzzedDataProvider.h>

#include <string>

#include "planner/planner.hpp"

namespace afs::fuzz {

Backend make_backend(FuzzedDataProvider& in);
std::string backend_name(FuzzedDataProvider& in);  // of one that may be listed

}  // namespace afs::fuzz
