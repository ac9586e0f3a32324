#include "runtime/write_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace afs {
namespace {

Status failed(const std::string& path, int error) {
    std::string text = "cannot write '" + path + "': " + std::strerror(error);
    if (error == ENOENT || error == ENOTDIR) text += "; make its folder first, or choose another";
    if (error == EACCES || error == EROFS) text += "; choose a folder that you may write";
    if (error == ENOSPC || error == EDQUOT) text += "; make room, or choose another disk";
    return Status(Code::io, text, {}, error);
}

Status write_all(int file, const std::string& path, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(file, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return failed(path, n < 0 ? errno : EIO);
        text.remove_prefix(static_cast<size_t>(n));
    }
    return {};
}

// Closes too: some file systems tell only then that the disk is full.
Status write_and_close(int file, const std::string& path,
                       const std::vector<std::string_view>& parts) {
    Status status;
    for (const std::string_view part : parts)
        if (status.ok()) status = write_all(file, path, part);
    if (close(file) != 0 && status.ok()) status = failed(path, errno);
    return status;
}

Status write_special(const std::string& path, const std::vector<std::string_view>& parts) {
    const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    return file < 0 ? failed(path, errno) : write_and_close(file, path, parts);
}

}  // namespace

Status check_folder_of(const std::string& path) {
    const std::string folder = std::filesystem::path(path).parent_path().string();
    struct stat there {};
    if (folder.empty()) return {};
    if (stat(folder.c_str(), &there) != 0) return failed(path, errno);
    return S_ISDIR(there.st_mode) ? Status() : failed(path, ENOTDIR);
}

Status write_file(const std::string& path, const std::vector<std::string_view>& parts) {
    namespace fs = std::filesystem;
    struct stat there {};
    const bool exists = stat(path.c_str(), &there) == 0;
    if (exists && !S_ISREG(there.st_mode) && !S_ISDIR(there.st_mode))
        return write_special(path, parts);
    std::error_code error;
    const std::string target = exists ? fs::canonical(path, error).string() : path;
    if (error) return failed(path, error.value());
    std::string draft = target + ".XXXXXX";
    const int file = mkostemp(draft.data(), O_CLOEXEC);
    if (file < 0) return failed(path, errno);
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(file, 0666 & ~mask);
    Status status = write_and_close(file, path, parts);
    if (status.ok() && rename(draft.c_str(), target.c_str()) != 0) status = failed(path, errno);
    if (!status.ok()) unlink(draft.c_str());
    return status;
}

}  // namespace afs
