// Files that verbs write: whole or not there.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "afs/status.hpp"

namespace afs {

// The parts, one after the other. A draft beside the file takes its
// name at the end, so a full disk or a crash leaves what was there before; a symbolic link keeps
// pointing to it. What is there and no regular file (/dev/stdout, a pipe) is written as it is.
Status write_file(const std::string& path, const std::vector<std::string_view>& parts);
inline Status write_file(const std::string& path, std::string_view text) {
    return write_file(path, std::vector<std::string_view>{text});
}

}  // namespace afs
