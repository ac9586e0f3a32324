// A family's chat templates, from its plugin as the host loads it.
#pragma once
#include <memory>
#include <stdexcept>
#include <string>

#include "afs/chat.hpp"
#include "afs/model.hpp"
#include "loader/open.hpp"

namespace afs::test {

inline std::shared_ptr<ModelArchitecture> open_family(const std::string& name) {
    const auto file =
        load_plugin(std::string(AFS_BUILD_DIR "/plugins/afs-model-") + name + ".so", "model");
    if (!file.ok()) throw std::runtime_error(file.status().message());
    const auto model = open_model(*file, OpenRequest{});
    if (!model.ok()) throw std::runtime_error(model.status().message());
    return *model;
}

}  // namespace afs::test
