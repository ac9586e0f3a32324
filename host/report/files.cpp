// Writing reports, with the folders that they go to.
#include <filesystem>

#include "report/report.hpp"
#include "runtime/write_file.hpp"

namespace afs::report {

Status write_file(const std::string& path, const std::string& text) {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    std::error_code error;
    if (!folder.empty()) std::filesystem::create_directories(folder, error);
    if (error)
        return Status(Code::io, "cannot write '" + path + "': " + error.message(), {},
                      error.value());
    return afs::write_file(path, text);
}

Status write_all(const std::string& path, const Report& report) {
    AFS_TRY(write_file(path + ".json", json(report)));
    AFS_TRY(write_file(path + ".md", markdown(report)));
    return write_file(path + ".html", html(report));
}

}  // namespace afs::report
