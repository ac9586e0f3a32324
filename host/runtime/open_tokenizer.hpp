// The tokenizer side of opening a runtime.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "afs/config/config.hpp"
#include "afs/tokenizer.hpp"
#include "loader/search.hpp"

namespace afs {

struct OpenedTokenizer {
    std::shared_ptr<Tokenizer> plugin;
    std::string plugin_name;
    afs_tokenizer_info info{};
};

// tokenizer.plugin by name, or with "auto" the one whose score for the files is the highest.
// folder: the checkpoint's, where the configuration names no other place.
Result<OpenedTokenizer> open_configured_tokenizer(const Config& config, const PluginSearch& search,
                                                  const std::filesystem::path& folder);

}  // namespace afs
