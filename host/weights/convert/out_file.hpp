// A file that is written from front to back.
#pragma once
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include "afs/status.hpp"

namespace afs::convert {

class OutFile {
public:
    static Result<OutFile> create(const std::filesystem::path& path);  // replaces what is there
    ~OutFile();
    OutFile(OutFile&& other) noexcept;
    OutFile& operator=(OutFile&&) = delete;

    Status write(std::string_view bytes);
    Status write(const void* data, size_t n) { return write({static_cast<const char*>(data), n}); }
    uint64_t written() const { return written_; }
    Status pad_to(uint64_t alignment);  // zeros
    Status close();                     // to the disk; says what could not be written

private:
    OutFile() = default;
    Status flush();
    std::filesystem::path path_;
    int descriptor_ = -1;
    uint64_t written_ = 0;
    std::vector<char> buffer_;
};

}  // namespace afs::convert
