// The verbs that this program gives to its own children; no user types them.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace afs {

// The exit code, or nothing where the arguments are no such verb.
std::optional<int> child_main(const std::vector<std::string>& args);

}  // namespace afs
