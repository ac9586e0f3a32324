// The shared libraries of this process, as they are loaded now.
#pragma once
#include <string>
#include <vector>

namespace afs {

struct LoadedLibrary {
    std::string path;                 // with symbolic links resolved; empty: the program itself
    std::string soname;               // "libspdlog.so.1.10"; empty: it has none
    std::vector<std::string> needed;  // the sonames that it asks for
};

std::vector<LoadedLibrary> loaded_libraries();

}  // namespace afs
