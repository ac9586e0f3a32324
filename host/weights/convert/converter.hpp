// The steps of one conversion: open and name (convert.cpp), write (convert_write.cpp), check.
#pragma once
#include <algorithm>
#include <optional>

#include "runtime/open_model.hpp"
#include "weights/convert/convert.hpp"
#include "weights/convert/target_tensor.hpp"
#include "weights/convert/texts.hpp"

namespace afs::convert {

// A model opened by its path, whatever the configuration names.
struct Opened {
    Config config;
    OpenedModel model;
    WeightSet weights;
};

class Converter {
public:
    using Report = std::function<bool(uint64_t, uint64_t)>;

    Converter(const Config& config, const ConvertRequest& request, const Report& progress)
        : config_(config), request_(request), progress_(progress) {}

    Result<Converted> run();

private:
    const Checkpoint& checkpoint() const { return *source_->model.checkpoint; }
    bool report(uint64_t written) const {
        return progress_(std::min(written, out_.bytes), out_.bytes);
    }

    // Of a folder's tokenizer.
    std::filesystem::path tokenizer_folder() const {
        return request_.tokenizer_files.empty() ? checkpoint().folder() : request_.tokenizer_files;
    }

    Status open_source();
    Status find_family();
    Status choose_dtypes();
    int32_t dtype_of(const Weight& weight) const;
    Status name_tensors();
    void choose_stated_dtype(ModelArchitecture& plugin, afs_model_source source);
    void add_tensor(const Weight& weight, const afs_weight& line, const afs_weight& target);
    Status check();

    // convert_write.cpp
    Result<Vocabulary> vocabulary_for_gguf();
    Status write_gguf();
    Status copy_metadata(GgufWriter& writer);
    Status write_folder();
    Status write_texts();
    Status write_tokenizer(int32_t& pad);
    Status copy_texts(const std::filesystem::path& folder);
    Status copy_tokenizer(const std::filesystem::path& folder);

    const Config& config_;
    const ConvertRequest& request_;
    const Report& progress_;
    std::optional<Opened> source_;
    Tables tables_;
    ModelFacts facts_;
    Family family_;
    bool from_gguf_ = false, to_gguf_ = false;
    int32_t dtype_ = AFS_DTYPE_NONE;         // of the matrices
    int32_t stated_dtype_ = AFS_DTYPE_NONE;  // by config.json
    std::vector<TargetTensor> tensors_;
    std::filesystem::path unnamed_;  // where it is written until it has been checked
    Converted out_;
};

}  // namespace afs::convert
