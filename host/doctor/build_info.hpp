// What the build used, as CMake wrote it beside the program: "CMake" -> "3.25.1".
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace afs {

// Empty where the file is absent.
std::vector<std::pair<std::string, std::string>> build_info();

}  // namespace afs
