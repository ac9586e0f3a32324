// The tokenizer side of opening a runtime.
#pragma once
#include <memory>
#include <string>

#include "afs/config/config.hpp"
#include "afs/tokenizer.hpp"
#include "afs/weights/checkpoint.hpp"
#include "loader/search.hpp"

namespace afs {

struct OpenedTokenizer {
    std::shared_ptr<Tokenizer> plugin;
    std::string plugin_name;
    afs_tokenizer_info info{};
};

// tokenizer.plugin by name, or with "auto" the one whose score for the files is the highest.
// Where the configuration names no tokenizer.path: the checkpoint's folder, or the vocabulary that
// a GGUF file brings; checkpoint may then not be nullptr.
Result<OpenedTokenizer> open_configured_tokenizer(const Config& config, const PluginSearch& search,
                                                  const Checkpoint* checkpoint);

// The configured model's tokenizer without the model: weight files may be absent.
Result<OpenedTokenizer> open_tokenizer_alone(const Config& config, const PluginSearch& search);

}  // namespace afs
