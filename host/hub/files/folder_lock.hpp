// One fetch at a time into a folder. The lock is the kernel's: it ends with the process, however
// that ends.
#pragma once
#include <filesystem>

#include "afs/status.hpp"

namespace afs::hub {

class FolderLock {
public:
    // Takes the lock on `file`, made where it is missing. INVALID: another process has it, which.
    static Result<FolderLock> take(const std::filesystem::path& file);
    ~FolderLock();
    FolderLock(FolderLock&& other) noexcept;
    FolderLock& operator=(FolderLock&&) = delete;

private:
    explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

}  // namespace afs::hub
