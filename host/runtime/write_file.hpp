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
// Its folder must be there: only folders that the user names as such are made.
Status write_file(const std::string& path, const std::vector<std::string_view>& parts);
// The failure that write_file would have for lack of a folder, before a long run that ends with it.
Status check_folder_of(const std::string& path);
inline Status write_file(const std::string& path, std::string_view text) {
    return write_file(path, std::vector<std::string_view>{text});
}

}  // namespace afs
