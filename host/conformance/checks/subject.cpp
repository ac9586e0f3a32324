#include "conformance/checks/subject.hpp"

#include <nlohmann/json.hpp>

#include "loader/open.hpp"

namespace afs::conformance {

nlohmann::ordered_json as_json(const SubjectRequest& r) {
    return {{"path", r.path},
            {"options", r.options},
            {"owner", r.owner_path},
            {"device", r.device},
            {"files", r.files}};
}

SubjectRequest request_from(const nlohmann::json& json) {
    SubjectRequest r;
    r.path = json.value("path", "");
    r.options = json.value("options", std::map<std::string, std::string>());
    r.owner_path = json.value("owner", "");
    r.device = json.value("device", 0u);
    r.files = json.value("files", std::vector<std::string>());
    return r;
}

namespace {

Status open_memory(Subject& s) {
    if (s.file->domain == "cpu/1") return {};
    s.owner = s.backend;
    if (!s.request.owner_path.empty()) {
        AFS_ASSIGN(auto file, load_plugin(s.request.owner_path, "kernels"));
        AFS_ASSIGN(s.owner, open_kernels(file, {file->name, s.request.device, 0, 1, {}}));
    }
    s.device = s.owner->device();
    if (!s.device)
        return unsupported(
            "its tensors live in '" + s.file->domain +
            "' and no plugin that owns that memory was found: name one with --owner");
    auto info = make<afs_device_info>();
    AFS_TRY(s.device->info(info));
    info.domain[sizeof info.domain - 1] = info.name[sizeof info.name - 1] = '\0';
    s.device_name = std::string(info.domain) + " " + info.name;
    s.captures = (info.flags & AFS_DEV_CAPTURE) != 0;
    AFS_ASSIGN(s.stream, s.device->stream_create());
    return {};
}

}  // namespace

Result<Subject> open_subject(const SubjectRequest& request) {
    Subject s;
    s.request = request;
    AFS_ASSIGN(s.file, load_plugin(request.path, ""));
    if (s.file->kind != "kernels") return s;
    AFS_ASSIGN(s.backend,
               open_kernels(s.file, {s.file->name, request.device, 0, 1, request.options}));
    s.about = s.backend->about();
    AFS_TRY(open_memory(s));
    return s;
}

}  // namespace afs::conformance
