// A copy of a bundled model in a folder of its own, to break file by file.
#pragma once
#include <nlohmann/json.hpp>

#include "support/env_plugin.hpp"
#include "support/temp_folder.hpp"

namespace afs::test {

struct StagedModel {
    TempFolder folder;

    StagedModel() {
        for (const auto& file :
             std::filesystem::directory_iterator(AFS_SOURCE_DIR "/weights/olmo2-tiny"))
            std::filesystem::copy(file.path(), folder.path() / file.path().filename());
    }
    std::filesystem::path path(const std::string& file) const { return folder.path() / file; }
    nlohmann::json read(const std::string& file) const {
        std::ifstream stream(path(file));
        return nlohmann::json::parse(stream);
    }
    void write(const std::string& file, const nlohmann::json& value) const {
        folder.write(file, value.dump());
    }
    // Findings of a check with this model, or a file in it, active.
    std::vector<Finding> run(const std::string& check, const std::string& file = "",
                             nlohmann::json config = nlohmann::json::object()) const {
        config["model"]["path"] = file.empty() ? folder.path().string() : path(file).string();
        EnvironmentView view;
        view.config_json = config.dump();
        return EnvPlugin("model").run(check, view);
    }
};

// The findings that are not well; "" for none.
inline std::string complaints(const std::vector<Finding>& findings) {
    std::string out;
    for (const Finding& f : findings)
        if (f.status >= AFS_CHECK_WARN) out += f.name + ": " + f.found + " (" + f.remedy + ")\n";
    return out;
}

}  // namespace afs::test
