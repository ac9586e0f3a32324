// The resolved configuration. Precedence: command line, environment, .env, config file, defaults;
// each value knows where it came from. Keys and types stand in afs/config/schema.hpp.
//
// Files: JSON with comments, `"include": "base.json"` (or a list) relative to the including file;
// later includes override earlier ones, the file's own keys override both; null unsets a key.
// Without --config the first of AFS_CONFIG, ./configs/default.json, and the one beside the build
// tree or the install prefix is taken; with none of them the defaults stand alone.
// .env is read in the working directory and beside the config (the former wins); only AFS_* lines
// count. Paths are relative to the file that states them, else to the working directory.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "afs/json.hpp"
#include "afs/status.hpp"

namespace afs {

// One value from the command line: {"kernels", "cpu,reference", "command line --kernels"}.
struct Override {
    std::string key, text, origin;
};

// Splits "key=value" of --set.
Result<Override> parse_set(const std::string& argument);

struct ConfigRequest {
    std::string file;                                               // --config; empty: search
    std::vector<Override> overrides;                                // command line, in order
    std::filesystem::path working_folder;                           // empty: the process's
    std::filesystem::path executable;                               // empty: /proc/self/exe
    std::optional<std::map<std::string, std::string>> environment;  // absent: the process's
};

struct Setting {
    json::Value value;   // of the schema's type; paths absolute, options as strings
    std::string origin;  // "configs/default.json:3", "environment AFS_KERNELS", "default", ...
    std::filesystem::path folder;  // what paths inside a raw value are relative to
};

struct PluginOptions {
    std::filesystem::path path;                                // empty: searched by name
    std::vector<std::pair<std::string, std::string>> options;  // sorted by key, nested keys dotted
};

class Config {
public:
    static Result<Config> load(const ConfigRequest& request = {});

    // A copy with overrides, which win over everything.
    Result<Config> with(const std::vector<Override>& overrides) const;
    // A copy with the configuration in compare.<name> laid over it ("base", "test").
    Result<Config> variant(const std::string& name) const;

    // Whether a key has a value, be it the default. Asking for a key that the schema lacks is a
    // programmer's error.
    bool has(const std::string& key) const;
    // Unset keys: "", 0, false, empty.
    std::string text(const std::string& key) const;
    double number(const std::string& key) const;
    int64_t integer(const std::string& key) const;
    uint64_t natural(const std::string& key) const;  // whole numbers up to 2^64 - 1
    bool flag(const std::string& key) const;
    std::vector<std::string> list(const std::string& key) const;
    std::filesystem::path path(const std::string& key) const;
    std::vector<std::filesystem::path> paths(const std::string& key) const;
    const json::Value* raw(const std::string& key) const;  // nullptr: unset
    std::string origin(const std::string& key) const;      // "unset" where there is no value

    // The model's folder or file: model.path, else models.<model.plugin>.path.
    Result<std::filesystem::path> model_path() const;
    // The key that model_path() reads: "model.path" or "models.<family>.path".
    std::string model_path_key() const;
    // Tag pattern or op id -> backend, in the order of the keys.
    std::map<std::string, std::string> pins() const;
    PluginOptions plugin(const std::string& name) const;
    std::vector<std::string> named_plugins() const;  // the names under plugins.*

    // Every value there is, sorted by key.
    const std::map<std::string, Setting>& settings() const { return settings_; }
    const std::filesystem::path& file() const { return file_; }  // empty: no file was found
    const std::vector<std::string>& warnings() const { return warnings_; }
    // The resolved configuration as JSON that loads to the same values. Comments: `// origin`.
    std::string render(bool with_origins = false) const;

private:
    friend class ConfigLoader;
    std::map<std::string, Setting> settings_;
    std::filesystem::path file_, working_folder_;
    std::string home_;  // for ~/ in overrides
    std::vector<std::string> warnings_;
};

}  // namespace afs
