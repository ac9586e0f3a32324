// What every plan promises, whoever answered what.
#pragma once
#include "planner/planner.hpp"

namespace afs::fuzz {

void check_promises(const Plan& plan, const PlanRequest& request);

}  // namespace afs::fuzz
