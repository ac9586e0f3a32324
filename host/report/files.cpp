// Writing reports: a file is whole or not there.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "report/report.hpp"

namespace afs::report {
namespace {

Status failed(const std::string& path, int error) {
    std::string text = "cannot write '" + path + "': " + std::strerror(error);
    if (error == EACCES || error == EROFS) text += "; choose a folder that you may write";
    return Status(Code::io, text, {}, error);
}

Status write_descriptor(int file, const std::string& path, const std::string& text) {
    for (size_t done = 0; done < text.size();) {
        const ssize_t n = ::write(file, text.data() + done, text.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return failed(path, n < 0 ? errno : EIO);
        done += static_cast<size_t>(n);
    }
    return {};
}

}  // namespace

Status write_file(const std::string& path, const std::string& text) {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    std::error_code error;
    if (!folder.empty()) std::filesystem::create_directories(folder, error);
    if (error) return failed(folder.string(), error.value());
    std::string draft = path + ".XXXXXX";
    const int file = mkostemp(draft.data(), O_CLOEXEC);
    if (file < 0) return failed(path, errno);
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(file, 0666 & ~mask);
    Status status = write_descriptor(file, path, text);
    if (close(file) != 0 && status.ok()) status = failed(path, errno);
    if (status.ok() && rename(draft.c_str(), path.c_str()) != 0) status = failed(path, errno);
    if (!status.ok()) unlink(draft.c_str());
    return status;
}

Status write_all(const std::string& path, const Report& report) {
    AFS_TRY(write_file(path + ".json", json(report)));
    AFS_TRY(write_file(path + ".md", markdown(report)));
    return write_file(path + ".html", html(report));
}

}  // namespace afs::report
