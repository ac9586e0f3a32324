// A model that lies here, by its path or by the name under which it was fetched.
#pragma once
#include <filesystem>
#include <string>

#include "afs/status.hpp"

namespace afs {

// The path itself where there is one, else the folder that `weights fetch NAME` writes to.
Result<std::filesystem::path> local_model(const std::string& asked);

}  // namespace afs
