#include "hub/files/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace afs::hub {

Result<FolderLock> FolderLock::take(const std::filesystem::path& file) {
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor < 0)
        return Status(Code::io,
                      "cannot write '" + file.string() + "': " + std::strerror(errno) +
                          "; choose a folder that you may write to with --to",
                      {}, errno);
    FolderLock lock(descriptor);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        if (error != EWOULDBLOCK)
            return Status(Code::io, "cannot lock '" + file.string() + "': " + std::strerror(error),
                          {}, error);
        char holder[32] = {};
        const ssize_t n = ::pread(descriptor, holder, sizeof holder - 1, 0);
        return invalid("another fetch writes to '" + file.parent_path().parent_path().string() +
                       "'" + (n > 0 ? " (process " + std::string(holder) + ")" : std::string()) +
                       "; wait for it, or end it");
    }
    // Who has it, for the message above.
    const std::string self = std::to_string(::getpid());
    if (::ftruncate(descriptor, 0) == 0)
        static_cast<void>(::pwrite(descriptor, self.data(), self.size(), 0) < 0);
    return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

FolderLock::~FolderLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace afs::hub
