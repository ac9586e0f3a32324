#include "hub/files/part_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "afs/weights/mapped_file.hpp"  // read_text_file

namespace afs::hub {
namespace fs = std::filesystem;
namespace {

Status failure(const std::string& verb, const fs::path& path, int error) {
    std::string remedy;
    if (error == ENOSPC || error == EDQUOT || error == EFBIG)
        remedy = "; what was fetched is kept: make room and run the same command again";
    if (error == EACCES || error == EPERM || error == EROFS)
        remedy = "; choose a folder that you may write to with --to";
    const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    return Status(full ? Code::no_memory : Code::io,
                  "cannot " + verb + " '" + path.string() + "': " + std::strerror(error) + remedy,
                  "file", error);
}

// The folder's own entry, so that a new name survives a power cut.
void sync_folder(const fs::path& folder) {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    static_cast<void>(::fsync(descriptor));  // some file systems cannot; the name is there anyway
    ::close(descriptor);
}

Status write_all(int descriptor, std::span<const char> bytes, const fs::path& path,
                 uint64_t& written) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failure("write", path, errno);
        bytes = bytes.subspan(static_cast<size_t>(n));
        written += static_cast<uint64_t>(n);
    }
    return {};
}

}  // namespace

Result<PartFile> PartFile::open(const fs::path& folder, const std::string& name) {
    PartFile part;
    part.path_ = folder / (name + ".part");
    part.etag_path_ = folder / (name + ".etag");
    // Appending, so that a write goes to the end of what is there whatever happened before.
    part.descriptor_ =
        ::open(part.path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (part.descriptor_ < 0) return failure("write", part.path_, errno);
    struct stat info {};
    if (::fstat(part.descriptor_, &info) != 0) return failure("inspect", part.path_, errno);
    part.size_ = static_cast<uint64_t>(info.st_size);
    return part;
}

PartFile::PartFile(PartFile&& other) noexcept
    : path_(std::move(other.path_)),
      etag_path_(std::move(other.etag_path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_) {}

PartFile::~PartFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Status PartFile::append(std::span<const char> bytes) {
    return write_all(descriptor_, bytes, path_, size_);
}

Status PartFile::restart() {
    if (::ftruncate(descriptor_, 0) != 0) return failure("empty", path_, errno);
    size_ = 0;
    ::unlink(etag_path_.c_str());
    return {};
}

std::string PartFile::etag() const {
    auto text = read_text_file(etag_path_, 4096);
    return text ? *text : std::string();
}

Status PartFile::set_etag(const std::string& etag) {
    if (etag.empty()) {
        ::unlink(etag_path_.c_str());
        return {};
    }
    return write_whole(etag_path_, etag);
}

Status PartFile::move_to(const fs::path& file) {
    if (::fsync(descriptor_) != 0) return failure("write", path_, errno);
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    if (error) return failure("make the folder of", file, error.value());
    if (::rename(path_.c_str(), file.c_str()) != 0) return failure("name", file, errno);
    sync_folder(file.parent_path());
    ::unlink(etag_path_.c_str());
    return {};
}

void PartFile::remove() {
    ::unlink(path_.c_str());
    ::unlink(etag_path_.c_str());
}

Result<uint64_t> free_bytes(const fs::path& folder) {
    fs::path there = fs::absolute(folder);
    std::error_code ignored;
    while (!fs::exists(there, ignored) && there.has_relative_path()) there = there.parent_path();
    struct statvfs info {};
    if (::statvfs(there.c_str(), &info) != 0) return failure("inspect", there, errno);
    return uint64_t{info.f_bavail} * uint64_t{info.f_frsize};
}

Status write_whole(const fs::path& file, const std::string& text) {
    const fs::path fresh = file.string() + ".new";
    const int descriptor = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) return failure("write", file, errno);
    uint64_t written = 0;
    Status status = write_all(descriptor, {text.data(), text.size()}, file, written);
    if (::close(descriptor) != 0 && status.ok()) status = failure("write", file, errno);
    if (status.ok() && ::rename(fresh.c_str(), file.c_str()) != 0)
        status = failure("write", file, errno);
    if (!status.ok()) ::unlink(fresh.c_str());
    return status;
}

}  // namespace afs::hub
