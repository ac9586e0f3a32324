// A model on disk: a folder with config.json and model.safetensors, or its shards and their index;
// or one .safetensors file (config.json then lies beside it).
#pragma once
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "afs/weights/safetensors.hpp"

namespace afs {

class Checkpoint {
public:
    static Result<Checkpoint> open(const std::filesystem::path& path);

    const std::filesystem::path& path() const { return path_; }  // as opened
    const std::filesystem::path& folder() const {
        return folder_;
    }  // where config and tokenizer lie
    const std::vector<std::shared_ptr<const MappedFile>>& files() const { return files_; }
    const std::vector<FileTensor>& tensors() const { return tensors_; }
    const FileTensor* find(const std::string& name) const;  // nullptr: none
    std::string file_of(const FileTensor& tensor) const;    // its path, for messages
    uint64_t bytes() const { return bytes_; }               // of all tensors

    bool is_gguf() const { return false; }
    const std::string& config_json() const { return config_json_; }
    const std::optional<std::string>& generation_json() const { return generation_json_; }
    // As the checkpoint's tokenizer files have it; several: the one called "default".
    const std::optional<std::string>& chat_template() const { return chat_template_; }

private:
    Status read_texts();
    Status add_file(const std::filesystem::path& path);
    Status read_index(const std::filesystem::path& index);

    std::filesystem::path path_, folder_;
    std::vector<std::shared_ptr<const MappedFile>> files_;
    std::vector<FileTensor> tensors_;
    std::unordered_map<std::string, size_t> by_name_;
    uint64_t bytes_ = 0;
    std::string config_json_;
    std::optional<std::string> generation_json_, chat_template_;
};

}  // namespace afs
