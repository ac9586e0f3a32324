#include "input_file.hpp"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "require.hpp"

// The linker sends every call of mmap and munmap here (tests/fuzz/CMakeLists.txt).
extern "C" {
void* __real_mmap(void* at, size_t bytes, int protection, int flags, int file, off_t offset);
int __real_munmap(void* at, size_t bytes);

static size_t tail_of(size_t bytes) {
    constexpr size_t kPage = 4096;
    return (kPage - bytes % kPage) % kPage;
}

void* __wrap_mmap(void* at, size_t bytes, int protection, int flags, int file, off_t offset) {
    void* made = __real_mmap(at, bytes, protection, flags, file, offset);
    if (made != MAP_FAILED && file >= 0)
        ASAN_POISON_MEMORY_REGION(static_cast<char*>(made) + bytes, tail_of(bytes));
    return made;
}
int __wrap_munmap(void* at, size_t bytes) {
    ASAN_UNPOISON_MEMORY_REGION(static_cast<char*>(at) + bytes, tail_of(bytes));
    return __real_munmap(at, bytes);
}
}

namespace afs::fuzz {
namespace fs = std::filesystem;

InputFile::InputFile() : descriptor_(memfd_create("input", MFD_CLOEXEC)) {
    require(descriptor_ >= 0, "memfd_create failed");
    path_ = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(descriptor_);
}

void InputFile::set(const uint8_t* data, size_t size) {
    const bool written = ftruncate(descriptor_, 0) == 0 &&
                         pwrite(descriptor_, data, size, 0) == static_cast<ssize_t>(size);
    require(written, "cannot write the input");
}

InputFolder::InputFolder() {
    std::string name = (fs::temp_directory_path() / "afs-fuzz-XXXXXX").string();
    require(mkdtemp(name.data()) != nullptr, "mkdtemp failed for " + name);
    path_ = name;
}

InputFolder::~InputFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

void InputFolder::link(const std::string& name, const InputFile& file) const {
    fs::create_symlink(file.path(), path_ + "/" + name);
}

void InputFolder::write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << text;
}

}  // namespace afs::fuzz
