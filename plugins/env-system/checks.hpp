// The checks of this plugin, one topic a file. None changes anything on the machine.
#pragma once
#include <vector>

#include "afs/env.hpp"
#include "machine.hpp"

namespace env_system {

using Findings = std::vector<afs::Finding>;

Findings check_processor(const Machine& machine, const afs::EnvironmentView& view);
Findings check_numa(const Machine& machine, const afs::EnvironmentView& view);
Findings check_memory(const Machine& machine, const afs::EnvironmentView& view);
Findings check_huge_pages(const Machine& machine, const afs::EnvironmentView& view);
Findings check_disk(const Machine& machine, const afs::EnvironmentView& view);
Findings check_container(const Machine& machine, const afs::EnvironmentView& view);
Findings check_kernel(const Machine& machine, const afs::EnvironmentView& view);
Findings check_compiler(const Machine& machine, const afs::EnvironmentView& view);

}  // namespace env_system
