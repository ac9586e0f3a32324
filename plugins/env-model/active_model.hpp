// The checkpoint that the active configuration names, and its small files.
#pragma once
#include <filesystem>
#include <string>

#include "gguf_header.hpp"
#include "json_file.hpp"

namespace env_model {

struct ActiveModel {
    Json config = Json::object();  // the active configuration
    std::filesystem::path path;    // as configured; empty: none is
    std::filesystem::path folder;  // where the small files lie
    std::string key;               // "models.olmo2.path"
    bool there = false;
    bool gguf = false;
    GgufHeader header;  // of a GGUF file
    JsonFile model_config, generation, tokenizer_config, tokenizer, index;

    const Json* facts() const { return model_config.value ? &*model_config.value : nullptr; }
};

ActiveModel find_model(const std::string& config_json);

}  // namespace env_model
