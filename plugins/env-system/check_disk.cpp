// The folders that are written: weights/ (checkpoints) and reports/. Whether they are writable is
// asked of the system, not tried.
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "checks.hpp"

namespace env_system {
namespace {

namespace fs = std::filesystem;

// The folder, or the nearest one above it that is there: it is what would be written to.
fs::path existing(fs::path path) {
    std::error_code ignored;
    while (!fs::exists(path, ignored) && path.has_relative_path()) path = path.parent_path();
    return path;
}

std::string owner_remedy(const fs::path& folder) {
    return "sudo chown -R \"$(id -un)\" '" + folder.string() +
           "'; a rented machine's mounted folder: mount it with your user's id, or run as its "
           "owner";
}

afs::Finding permission(const fs::path& folder, const std::string& name) {
    afs::Finding out{AFS_CHECK_OK, "disk." + name + ".permission", "",
                     "a folder that may be written", ""};
    const fs::path there = existing(folder);
    std::error_code ignored;
    if (fs::exists(there, ignored) && !fs::is_directory(there, ignored)) {
        out.status = AFS_CHECK_FAIL;
        out.found = "'" + there.string() + "' is a file";
        out.remedy = "move it away: a folder of this name is needed";
    } else if (access(there.c_str(), W_OK | X_OK) != 0) {
        out.status = AFS_CHECK_WARN;
        out.found = "'" + there.string() + "' may not be written: " + std::strerror(errno);
        out.remedy = owner_remedy(there);
    } else {
        out.found = "writable" + std::string(there == folder ? "" : ", not made yet");
    }
    return out;
}

// Free bytes change by the moment; whether they are few does not, so that is a finding of its own.
void add_space(const fs::path& folder, const std::string& name, uint64_t needed, Findings& out) {
    struct statvfs disk {};
    if (statvfs(existing(folder).c_str(), &disk) != 0) return;
    const uint64_t available = uint64_t{disk.f_bavail} * disk.f_frsize;
    const uint64_t total = uint64_t{disk.f_blocks} * disk.f_frsize;
    out.push_back({AFS_CHECK_INFO, "disk." + name + ".free", gib(available) + " of " + gib(total),
                   "", "", true});
    const bool enough = available >= needed;
    out.push_back({enough ? AFS_CHECK_OK : AFS_CHECK_WARN, "disk." + name + ".space",
                   (enough ? "at least " : "less than ") + gib(needed) + " free", gib(needed),
                   enough ? "" : "free some space, or point " + name + "/ to another disk"});
}

}  // namespace

Findings check_disk(const Machine&, const afs::EnvironmentView& view) {
    const fs::path root = view.root.empty() ? fs::current_path() : fs::path(view.root);
    Findings out = {permission(root / "weights", "weights"),
                    permission(root / "reports", "reports")};
    add_space(root / "weights", "weights", uint64_t{4} << 30, out);  // one model of 1B in bf16
    add_space(root / "reports", "reports", uint64_t{64} << 20, out);
    return out;
}

}  // namespace env_system
