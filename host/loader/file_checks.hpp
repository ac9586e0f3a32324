// What can be known of a plugin file without opening it as a library.
#pragma once
#include <string>

#include "afs/status.hpp"

namespace afs {

// INVALID or NOT_FOUND for a file that dlopen must not see: absent, no regular file, writable by
// everybody, no ELF library, cut short, or for another processor.
Status check_library_file(const std::string& path);

}  // namespace afs
