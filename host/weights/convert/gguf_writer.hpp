// Writes one GGUF file, version 3: typed metadata, tensor infos, data aligned to 32 bytes.
#pragma once
#include <string>
#include <vector>

#include "afs/weights/gguf.hpp"
#include "weights/convert/target_tensor.hpp"

namespace afs::convert {

class GgufWriter {
public:
    void text(const std::string& key, std::string_view value);
    void u32(const std::string& key, uint64_t value);
    void f32(const std::string& key, float value);
    void flag(const std::string& key, bool value);
    void texts(const std::string& key, const std::vector<std::string>& values);
    void i32s(const std::string& key, const std::vector<int32_t>& values);
    void copy(const GgufPair& pair);  // as it lies in another file

    Status write(const std::vector<TargetTensor>& tensors, const std::filesystem::path& file,
                 const std::function<bool(uint64_t)>& progress) const;

private:
    void pair(const std::string& key, GgufType type, const std::string& value);
    std::vector<std::string> pairs_;
};

}  // namespace afs::convert
