// One safetensors file: u64 header length (little-endian), JSON header, data. Read strictly: every
// byte of data belongs to exactly one tensor, sizes and offsets agree, names are unique.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "afs/weights/mapped_file.hpp"

namespace afs {

// One tensor of a checkpoint, whatever the file format.
struct FileTensor {
    std::string name;
    std::string dtype_text;  // as the file spells it: "BF16"
    int32_t dtype = 0;       // AFS_*; AFS_DTYPE_NONE: a type that no kernel takes
    std::vector<int64_t> shape;
    const void* data = nullptr;  // inside the mapped file
    uint64_t bytes = 0;
    uint32_t file = 0;  // index into Checkpoint::files()
};

class SafetensorsFile {
public:
    static Result<SafetensorsFile> open(const std::filesystem::path& path);
    // Reads an already mapped file; the tensors point into it.
    static Result<SafetensorsFile> read(std::shared_ptr<const MappedFile> file);

    const std::vector<FileTensor>& tensors() const { return tensors_; }  // by ascending offset
    const std::map<std::string, std::string>& metadata() const { return metadata_; }
    const std::shared_ptr<const MappedFile>& file() const { return file_; }

private:
    std::shared_ptr<const MappedFile> file_;
    std::vector<FileTensor> tensors_;
    std::map<std::string, std::string> metadata_;
};

}  // namespace afs
