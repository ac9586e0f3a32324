// A file mapped read-only and shared: its pages are the page cache's, not private memory. What
// others do to the file shows in the map: one that is written to is another, one that is cut loses
// pages.
#pragma once
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string_view>

#include "afs/status.hpp"

namespace afs {

class MappedFile {
public:
    static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    const uint8_t* data() const { return data_; }
    uint64_t size() const { return size_; }
    const std::filesystem::path& path() const { return path_; }
    // IO: it was written to or cut since it was mapped. A file that was put in its place is none of
    // that: the map keeps the old one.
    Status check_unchanged() const;
    std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

private:
    MappedFile() = default;
    std::filesystem::path path_;
    const uint8_t* data_ = nullptr;
    uint64_t size_ = 0, device_ = 0, inode_ = 0;
    timespec written_{};
};

// Reading a page that a mapped file has lost is SIGBUS. From here on that ends the process with
// this exit code and one line that names the file. For programs, once, when they start.
void exit_on_lost_pages(int exit_code);

// Whether a file lies there. What is there and cannot be one is an error: a folder, a FIFO, a link
// to nothing or in a circle, a place that may not be looked at.
Result<bool> file_exists(const std::filesystem::path& path);

// The whole of a text file, at most max_bytes.
Result<std::string> read_text_file(const std::filesystem::path& path,
                                   uint64_t max_bytes = 64ull << 20);

}  // namespace afs
