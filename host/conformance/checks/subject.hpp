// The plugin that is judged, as a worker has opened it.
#pragma once
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "afs/kernels.hpp"
#include "conformance/report/case_result.hpp"
#include "loader/plugin_file.hpp"

namespace afs::conformance {

// What to open; crosses to the worker as JSON.
struct SubjectRequest {
    std::string path;                            // of the plugin
    std::map<std::string, std::string> options;  // its own, as a config gives them
    std::string owner_path;  // kernels: the plugin that owns its memory; empty: itself
    uint32_t device = 0;
    // models: texts of config.json to try; tokenizers: folders of vocabularies; kernels that claim
    // sets of nodes: checkpoints to run
    std::vector<std::string> files;
};
nlohmann::ordered_json as_json(const SubjectRequest& request);
SubjectRequest request_from(const nlohmann::json& json);

struct Subject {
    SubjectRequest request;
    std::shared_ptr<const PluginFile> file;
    // kernels
    std::shared_ptr<KernelBackend> backend, owner;
    Device* device = nullptr;  // NULL: host memory
    afs_stream stream = nullptr;
    std::string device_name, about;
    bool captures = false;
};

Result<Subject> open_subject(const SubjectRequest& request);

// One case of any kind by its id. Never throws on a plugin's account.
CaseResult run_check(Subject& subject, const std::string& id);
// INVALID where an id of kernels is none, or no case can be made of it.
Status check_case_id(const std::string& id);

}  // namespace afs::conformance
