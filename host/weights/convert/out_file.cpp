#include "weights/convert/out_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace afs::convert {
namespace {

constexpr size_t kBuffer = size_t{4} << 20;

Status failure(const std::filesystem::path& path, int error) {
    const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    return Status(full ? Code::no_memory : Code::io,
                  "cannot write '" + path.string() + "': " + std::strerror(error), "file", error);
}

}  // namespace

Result<OutFile> OutFile::create(const std::filesystem::path& path) {
    OutFile file;
    file.path_ = path;
    file.descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file.descriptor_ < 0) return failure(path, errno);
    return file;
}

OutFile::OutFile(OutFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      written_(other.written_),
      buffer_(std::move(other.buffer_)) {}

OutFile::~OutFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Status OutFile::flush() {
    for (size_t done = 0; done < buffer_.size();) {
        const ssize_t n = ::write(descriptor_, buffer_.data() + done, buffer_.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failure(path_, errno);
        done += static_cast<size_t>(n);
    }
    buffer_.clear();
    return {};
}

Status OutFile::write(std::string_view bytes) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    written_ += bytes.size();
    return buffer_.size() >= kBuffer ? flush() : Status();
}

Status OutFile::pad_to(uint64_t alignment) {
    const uint64_t over = written_ % alignment;
    return over == 0 ? Status() : write(std::string(alignment - over, '\0'));
}

Status OutFile::close() {
    AFS_TRY(flush());
    const bool synced = ::fsync(descriptor_) == 0;
    const int error = errno;
    const int descriptor = std::exchange(descriptor_, -1);
    if (::close(descriptor) != 0) return failure(path_, errno);
    return synced ? Status() : failure(path_, error);
}

}  // namespace afs::convert
