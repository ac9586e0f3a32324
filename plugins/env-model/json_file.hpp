// JSON files of a checkpoint: read whole, never trusted.
#pragma once
#include <filesystem>
#include <istream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace env_model {

using Json = nlohmann::json;

struct JsonFile {
    std::filesystem::path path;
    std::optional<Json> value;
    std::string problem;  // why there is none; empty and no value: there is no such file
};

JsonFile read_json(const std::filesystem::path& path);
std::optional<Json> parse_json(const std::string& text, std::string& problem);
// The next bytes of a file that are a text. None: there are fewer, or a NUL byte among them: what a
// file of gigabytes has that takes no place on the disk is not collected.
std::optional<std::string> read_part(std::istream& file, uint64_t bytes);
std::optional<std::string> read_text(const std::filesystem::path& path, uint64_t most);

// A member of an object, or nullptr.
const Json* member(const Json* object, const char* key);
std::string text_of(const Json* object, const char* key);
std::optional<int64_t> whole(const Json* object, const char* key);
std::optional<double> number(const Json* object, const char* key);
// A token id or a list of them: "eos_token_id": 2 or [2, 3].
std::vector<int64_t> ids(const Json* object, const char* key);

}  // namespace env_model
