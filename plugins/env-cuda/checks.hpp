// The checks of this plugin, one topic a file. None changes anything on the machine, and none takes
// memory of a GPU.
#pragma once
#include <vector>

#include "afs/env.hpp"

namespace env_cuda {

using Findings = std::vector<afs::Finding>;

Findings check_driver();
Findings check_gpus();
Findings check_toolkit();
Findings check_libraries();

}  // namespace env_cuda
