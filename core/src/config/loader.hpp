// Finds, reads and merges the sources of a configuration.
#pragma once
#include "internal.hpp"

namespace afs {

class ConfigLoader {
public:
    explicit ConfigLoader(const ConfigRequest& request) : request_(request) {}
    Result<Config> run();

    // Merges one JSON object over a configuration's settings.
    static Status merge(Config& config, const json::Value& object, const config::PathBase& base,
                        const std::string& name, const std::vector<std::string>& skip);
    static Status override_with(Config& config, const std::vector<Override>& overrides);

private:
    struct DotEnv {
        std::filesystem::path folder;
        std::vector<config::EnvironmentLine> lines;
    };

    Status prepare();
    Status find_file();
    Status take_file(const std::filesystem::path& file, const std::string& asked_by);
    Status load_file(const std::filesystem::path& file, std::vector<std::filesystem::path>& open);
    Result<std::vector<std::string>> includes(const json::Value& root, const std::string& name);
    Result<DotEnv> read_dotenv(const std::filesystem::path& folder);
    Status apply_dotenv(const DotEnv& source);
    Status apply_environment();
    std::string shown(const std::filesystem::path& file) const;
    std::string home() const;

    const ConfigRequest& request_;
    Config config_;
    std::map<std::string, std::string> environment_;
};

}  // namespace afs
