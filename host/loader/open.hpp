// Opens plugins and hands them out as the abstract classes of the veneer. What is returned keeps
// its plugin open, and closes it after everything that was made from it is gone.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "afs/env.hpp"
#include "afs/kernels.hpp"
#include "afs/model.hpp"
#include "afs/status.hpp"
#include "afs/tokenizer.hpp"
#include "loader/plugin_file.hpp"

namespace afs {

struct OpenRequest {
    std::string name;                            // what the config calls this instance
    uint32_t device = 0, rank = 0, world = 1;    // device: ordinal inside the plugin's domain
    std::map<std::string, std::string> options;  // nested keys joined by '.', values as JSON text
};

// Errors name the file and say what the plugin's probe or open said.
Result<std::shared_ptr<KernelBackend>> open_kernels(std::shared_ptr<const PluginFile> file,
                                                    const OpenRequest& request);
Result<std::shared_ptr<ModelArchitecture>> open_model(std::shared_ptr<const PluginFile> file,
                                                      const OpenRequest& request);
Result<std::shared_ptr<Tokenizer>> open_tokenizer(std::shared_ptr<const PluginFile> file,
                                                  const OpenRequest& request);
Result<std::shared_ptr<EnvironmentCheck>> open_env(std::shared_ptr<const PluginFile> file,
                                                   const OpenRequest& request);

}  // namespace afs
