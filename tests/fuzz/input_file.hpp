// One input as a file that has a name, without a disk: readers open it as they open any other.
// What they map is fenced: a read behind the last byte is found even inside the last page.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace afs::fuzz {

class InputFile {
public:
    InputFile();  // lives as long as the process
    const std::string& path() const { return path_; }
    void set(const uint8_t* data, size_t size);

private:
    int descriptor_ = -1;
    std::string path_;
};

// A folder of this process's own in TMPDIR, made once. link: a name in it for a file elsewhere;
// write: a file in it.
class InputFolder {
public:
    InputFolder();
    ~InputFolder();
    const std::string& path() const { return path_; }
    void link(const std::string& name, const InputFile& file) const;
    void write(const std::string& name, const std::string& text) const;

private:
    std::string path_;
};

}  // namespace afs::fuzz
