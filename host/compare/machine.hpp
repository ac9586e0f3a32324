// What a measurement was made on, in one line: processor and the devices of a plan.
#pragma once
#include <string>

#include "planner/plan.hpp"

namespace afs {

std::string machine_text(const Plan& plan);

}  // namespace afs
