// The chat template that a Hugging Face folder brings.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "afs/status.hpp"

namespace afs {

// chat_template.jinja, else "chat_template" of tokenizer_config.json: a text, or a list of
// {name, template} whose "default" counts. No such file or key: none.
Result<std::optional<std::string>> read_chat_template(const std::filesystem::path& folder);

}  // namespace afs
