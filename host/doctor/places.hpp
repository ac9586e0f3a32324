// The folder whose weights/ and reports/ belong to this program.
#pragma once
#include <filesystem>

namespace afs {

// The source tree that the program was built in; the working folder for an installed one.
std::filesystem::path project_root();

}  // namespace afs
