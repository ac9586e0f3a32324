// Content hash of a plugin file.
#include <filesystem>

#include "hub/files/digest.hpp"
#include "loader/plugin_file.hpp"

namespace afs {

Result<std::string> file_sha256(const std::string& path) {
    std::error_code error;
    const uint64_t bytes = std::filesystem::file_size(path, error);
    if (error) return Status(Code::io, "cannot read '" + path + "' to hash it: " + error.message());
    hub::Hasher hasher(bytes, hub::Digest::Kind::sha256);
    AFS_TRY(hub::hash_prefix(path, bytes, hasher, [](uint64_t) { return true; }));
    AFS_ASSIGN(hub::Hasher::Sums sums, hasher.finish());
    return std::move(sums.sha256);
}

}  // namespace afs
