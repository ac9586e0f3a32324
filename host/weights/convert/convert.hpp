// A checkpoint in another form or dtype: Hugging Face's folder of safetensors, or one GGUF file.
// What is written is opened again before it gets its name: the same graph, node by node, every
// weight in its shape, and the same ids for texts.
#pragma once
#include <filesystem>
#include <functional>
#include <string>

#include "afs/config/config.hpp"

namespace afs::convert {

struct ConvertRequest {
    std::filesystem::path from, to;         // to: NAME.gguf, or a folder that is not there yet
    int32_t dtype = 0;                      // of the matrices; AFS_DTYPE_NONE: as they are
    std::filesystem::path tokenizer_files;  // a folder to copy them from; empty: converted
    std::filesystem::path tables;           // configs/conversion.json
};

struct Converted {
    std::string from_form, to_form;  // "safetensors", "GGUF"
    uint64_t n_tensors = 0, bytes = 0;
    std::string dtype;      // of most bytes: "bf16"
    std::string tokenizer;  // "as pre-tokenizer dbrx", "its files copied"
    std::string checked;    // what was found the same when it was opened again
};

// progress: bytes written, of about how many; false ends with CANCELLED.
Result<Converted> convert(const Config& config, const ConvertRequest& request,
                          const std::function<bool(uint64_t, uint64_t)>& progress);

}  // namespace afs::convert
