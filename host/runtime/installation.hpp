// The files that come with the program, and where its own go: a build tree or an install prefix.
#pragma once
#include <filesystem>
#include <string>

namespace afs {

// configs/NAME beside the build tree or the install prefix; empty: neither has a configs/.
std::filesystem::path shipped_config(const std::string& name);

// Where models or reports go when nobody says: weights/ or reports/ beside configs/ where that can
// be written, else in the working folder.
std::filesystem::path data_folder(const std::string& name);

}  // namespace afs
