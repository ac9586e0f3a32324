// What another program prints.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace env_system {

// The first line of its standard output; nothing where there is no such program on PATH or it
// fails. args[0] is the program.
std::optional<std::string> first_line(const std::vector<std::string>& args);

}  // namespace env_system
