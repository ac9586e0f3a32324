#include "afs/weights/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lost_pages.hpp"

namespace afs {
namespace {

Status failure(const std::filesystem::path& path, const char* verb, int error) {
    const Code code = error == ENOENT || error == ENOTDIR ? Code::not_found : Code::io;
    return Status(
        code, std::string("cannot ") + verb + " '" + path.string() + "': " + std::strerror(error),
        "file", error);
}

Status check_regular(const std::filesystem::path& path, const struct stat& info) {
    if (S_ISREG(info.st_mode)) return {};
    return Status(Code::io, "cannot read '" + path.string() + "': expected a regular file, " +
                                (S_ISDIR(info.st_mode)    ? "found a folder"
                                 : S_ISFIFO(info.st_mode) ? "found a pipe"
                                                          : "found a device"));
}

struct OpenFile {
    int descriptor = -1;
    uint64_t size = 0;
    struct stat info {};
    OpenFile() = default;
    OpenFile(OpenFile&& other) noexcept
        : descriptor(other.descriptor), size(other.size), info(other.info) {
        other.descriptor = -1;
    }
    OpenFile& operator=(OpenFile&&) = delete;
    ~OpenFile() {
        if (descriptor >= 0) ::close(descriptor);
    }
};

Result<OpenFile> open_regular(const std::filesystem::path& path) {
    OpenFile file;
    // O_NONBLOCK: opening a FIFO by mistake must not hang; it means nothing for regular files.
    file.descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file.descriptor < 0) return failure(path, "open", errno);
    if (::fstat(file.descriptor, &file.info) != 0) return failure(path, "inspect", errno);
    AFS_TRY(check_regular(path, file.info));
    file.size = static_cast<uint64_t>(file.info.st_size);
    return file;
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& path) {
    AFS_ASSIGN(OpenFile file, open_regular(path));
    std::shared_ptr<MappedFile> mapped(new MappedFile());
    mapped->path_ = path;
    mapped->device_ = file.info.st_dev;
    mapped->inode_ = file.info.st_ino;
    mapped->written_ = file.info.st_mtim;
    if (file.size > 0) {  // mmap refuses length 0
        void* at = ::mmap(nullptr, file.size, PROT_READ, MAP_SHARED, file.descriptor, 0);
        if (at == MAP_FAILED) return failure(path, "map", errno);
        mapped->data_ = static_cast<const uint8_t*>(at);
        mapped->size_ = file.size;
        watch_pages(mapped->data_, mapped->size_, mapped->path_.c_str());
    }
    return std::shared_ptr<const MappedFile>(std::move(mapped));
}

MappedFile::~MappedFile() {
    if (!data_) return;
    forget_pages(data_);
    ::munmap(const_cast<uint8_t*>(data_), size_);
}

Status MappedFile::check_unchanged() const {
    struct stat now {};
    if (::stat(path_.c_str(), &now) != 0 || now.st_dev != device_ || now.st_ino != inode_)
        return {};
    const auto size = static_cast<uint64_t>(now.st_size);
    const bool written =
        now.st_mtim.tv_sec != written_.tv_sec || now.st_mtim.tv_nsec != written_.tv_nsec;
    if (size == size_ && !written) return {};
    return Status(Code::io, "'" + path_.string() + "' was changed while it was in use: " +
                                (size == size_ ? "it was written to"
                                               : "it had " + std::to_string(size_) +
                                                     " bytes, now " + std::to_string(size)) +
                                "; load the model again");
}

Result<bool> file_exists(const std::filesystem::path& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0) {
        AFS_TRY(check_regular(path, info));
        return true;
    }
    const int error = errno;
    if (error != ENOENT && error != ENOTDIR) return failure(path, "open", error);
    if (::lstat(path.c_str(), &info) != 0) return false;
    return Status(Code::io, "cannot open '" + path.string() + "': it is a link to nothing");
}

Result<std::string> read_text_file(const std::filesystem::path& path, uint64_t max_bytes) {
    AFS_ASSIGN(OpenFile file, open_regular(path));
    if (file.size > max_bytes)
        return invalid("cannot read '" + path.string() + "': file has " +
                       std::to_string(file.size) + " bytes, at most " + std::to_string(max_bytes) +
                       " are read");
    std::string text(file.size, '\0');
    size_t done = 0;
    while (done < text.size()) {
        const ssize_t n = ::read(file.descriptor, text.data() + done, text.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failure(path, "read", errno);
        if (n == 0) break;  // it shrank meanwhile
        done += static_cast<size_t>(n);
    }
    text.resize(done);
    return text;
}

}  // namespace afs
