// What the parts of the configuration's implementation share.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "afs/config/config.hpp"
#include "afs/config/schema.hpp"

namespace afs::config {

// What relative paths of one source are relative to.
struct PathBase {
    std::filesystem::path folder;
    std::string home;  // for a leading ~/; empty: kept as it is
};

// A JSON value as the schema wants it: paths absolute, options as text. JSON null stays null
// (unset). Messages start with the origin.
Result<json::Value> check_value(const KeySpec& spec, const std::string& key,
                                const json::Value& value, const PathBase& base,
                                const std::string& origin);

// The same from the text of a command line or environment variable. Empty text unsets a key, and
// empties a list.
Result<json::Value> value_from_text(const KeySpec& spec, const std::string& key,
                                    const std::string& text, const PathBase& base,
                                    const std::string& origin);

struct Leaf {
    std::string key;
    Setting setting;
};

// The leaves of one JSON object; unknown keys and wrong types are errors. `name` is what origins
// call the text. Top-level members in `skip` are left out.
Result<std::vector<Leaf>> flatten(const json::Value& object, const PathBase& base,
                                  const std::string& name, const std::vector<std::string>& skip);

// The default of a key as a setting; null where it has none.
Setting default_setting(const KeySpec& spec);

// Sets or, with null, resets a key to its default.
void apply(std::map<std::string, Setting>& settings, const std::string& key, Setting setting);

// One AFS_* line of a .env file.
struct EnvironmentLine {
    std::string name, text, origin;
};
Result<std::vector<EnvironmentLine>> parse_dotenv(const std::string& text, const std::string& name);

// Unknown key: the message with the nearest known one.
Status unknown_key(const std::string& key, const std::string& origin);

}  // namespace afs::config
