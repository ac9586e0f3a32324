// A model on disk: a folder with config.json and model.safetensors, or its shards and their index;
// or one .safetensors file (config.json then lies beside it). Or a .gguf file, any part of a split
// one, or a folder that holds one such model and no safetensors: all is then in the file itself.
#pragma once
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "afs/weights/gguf_vocabulary.hpp"
#include "afs/weights/safetensors.hpp"

namespace afs {

// The text of a small file that holds one JSON object, such as config.json. It is known to be
// well-formed then: whoever reads it later need not say, without file and line, that it is not.
Result<std::string> read_object_file(const std::filesystem::path& file);

class Checkpoint {
public:
    static Result<Checkpoint> open(const std::filesystem::path& path);
    // Without the tensors of a folder: its weight files may be absent, and config.json may be
    // (config_json() is then empty).
    static Result<Checkpoint> open_texts(const std::filesystem::path& path);

    const std::filesystem::path& path() const { return path_; }  // as opened
    const std::filesystem::path& folder() const {
        return folder_;
    }  // where config and tokenizer lie
    const std::vector<std::shared_ptr<const MappedFile>>& files() const { return files_; }
    const std::vector<FileTensor>& tensors() const { return tensors_; }
    const FileTensor* find(const std::string& name) const;  // nullptr: none
    std::string file_of(const FileTensor& tensor) const;    // its path, for messages
    uint64_t bytes() const { return bytes_; }               // of all tensors
    Status check_unchanged() const;                         // of all files

    bool is_gguf() const { return gguf_ != nullptr; }
    std::string architecture() const;  // a GGUF file's, as it says; else empty
    // The text of config.json; GGUF: the metadata as afs/abi/model.h says.
    const std::string& config_json() const { return config_json_; }
    const std::optional<std::string>& generation_json() const { return generation_json_; }
    // As the checkpoint's tokenizer files have it; several: the one called "default".
    const std::optional<std::string>& chat_template() const { return chat_template_; }
    // What a GGUF file has of its tokenizer, read at each call; nullptr: nothing, or no GGUF.
    Result<std::shared_ptr<const GgufVocabulary>> vocabulary() const;

private:
    static Result<Checkpoint> open(const std::filesystem::path& path, bool with_tensors);
    Status read_texts(bool with_config);
    Status open_folder(bool with_tensors);
    Status open_gguf(const std::filesystem::path& file);
    Status add_file(const std::filesystem::path& path);
    Status add_tensors(std::shared_ptr<const MappedFile> file,
                       const std::vector<FileTensor>& tensors);
    Status read_index(const std::filesystem::path& index);

    std::filesystem::path path_, folder_;
    std::vector<std::shared_ptr<const MappedFile>> files_;
    std::vector<FileTensor> tensors_;
    std::unordered_map<std::string, size_t> by_name_;
    uint64_t bytes_ = 0;
    std::string config_json_;
    std::optional<std::string> generation_json_, chat_template_;
    std::shared_ptr<const GgufFile> gguf_;  // the part with the metadata
};

}  // namespace afs
