// An env plugin of the build, run in this process.
#pragma once
#include <stdexcept>

#include "afs/env.hpp"
#include "loader/open.hpp"

namespace afs::test {

struct EnvPlugin {
    std::shared_ptr<EnvironmentCheck> checks;

    explicit EnvPlugin(const std::string& name, std::map<std::string, std::string> options = {}) {
        const auto file = load_plugin(AFS_BUILD_DIR "/plugins/afs-env-" + name + ".so", "env");
        if (!file) throw std::runtime_error(file.status().message());
        auto opened = open_env(*file, OpenRequest{name, 0, 0, 1, std::move(options)});
        if (!opened) throw std::runtime_error(opened.status().message());
        checks = *opened;
    }
    // All findings of one check.
    std::vector<Finding> run(const std::string& check, const EnvironmentView& view = {}) const {
        const std::vector<std::string> names = checks->checks();
        for (size_t i = 0; i < names.size(); ++i) {
            if (names[i] != check) continue;
            auto findings = checks->run(static_cast<uint32_t>(i), view);
            if (!findings) throw std::runtime_error(findings.status().message());
            return *findings;
        }
        throw std::runtime_error("no check is called " + check);
    }
};

inline const Finding* find(const std::vector<Finding>& all, const std::string& name) {
    for (const Finding& finding : all)
        if (finding.name == name) return &finding;
    return nullptr;
}

}  // namespace afs::test
