// A file on its way: what has come so far lies under a name made of its hash, with the ETag it came
// under beside it, and gets its final name in one step when it is whole and right. So the same
// content goes on where it was left whatever run, revision or name it was begun under.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "afs/status.hpp"

namespace afs::hub {

class PartFile {
public:
    // folder must exist; what is there already is kept.
    static Result<PartFile> open(const std::filesystem::path& folder, const std::string& name);
    ~PartFile();
    PartFile(PartFile&& other) noexcept;
    PartFile& operator=(PartFile&&) = delete;

    const std::filesystem::path& path() const { return path_; }
    uint64_t size() const { return size_; }

    // NO_MEMORY: the disk is full; IO: anything else.
    Status append(std::span<const char> bytes);
    Status restart();  // back to no bytes and no ETag
    // Under which ETag the bytes came, with the host that said it: two hosts need not agree.
    std::string etag() const;
    Status set_etag(const std::string& etag);

    // To the disk, then to its final name; its folder is made where it is missing.
    Status move_to(const std::filesystem::path& file);
    void remove();

private:
    PartFile() = default;
    std::filesystem::path path_, etag_path_;
    int descriptor_ = -1;
    uint64_t size_ = 0;
};

// Bytes free for this user on the disk that holds a folder, which need not exist yet.
Result<uint64_t> free_bytes(const std::filesystem::path& folder);

// Writes a file in one step: a new one beside it, then the name.
Status write_whole(const std::filesystem::path& file, const std::string& text);

}  // namespace afs::hub
