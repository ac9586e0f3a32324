// One safetensors file: u64 header length (little-endian), JSON header, data. Read strictly: every
// byte of data belongs to exactly one tensor, sizes and offsets agree, names are unique.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "afs/weights/file_tensor.hpp"
#include "afs/weights/mapped_file.hpp"

namespace afs {

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
