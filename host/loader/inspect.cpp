#include "loader/inspect.hpp"

#include <sstream>

#include "loader/child.hpp"
#include "loader/plugin_file.hpp"
#include "loader/plugin_instance.hpp"

namespace afs {
namespace {

// Path, soname and needed sonames, one a line.
std::string record_of(const LoadedLibrary& library) {
    std::string out = library.path + "\n" + library.soname;
    for (const std::string& needed : library.needed) out += "\n" + needed;
    return out;
}

LoadedLibrary library_of(const std::string& record) {
    LoadedLibrary out;
    std::istringstream lines(record);
    std::getline(lines, out.path);
    std::getline(lines, out.soname);
    for (std::string needed; std::getline(lines, needed);) out.needed.push_back(needed);
    return out;
}

struct Answer {
    PluginFacts facts;
    std::string error;
    bool done = false;

    void take(const std::string& key, const std::string& value) {
        if (key == "error") error = value;
        if (key == "kind") facts.kind = value;
        if (key == "name") facts.name = value;
        if (key == "version") facts.version = value;
        if (key == "licence") facts.licence = value;
        if (key == "build") facts.build = value;
        if (key == "domain") facts.domain = value;
        if (key == "provides") facts.provides.push_back(value);
        if (key == "reason") facts.reason = value;
        if (key == "usable") facts.usable = value == "1";
        if (key == "library") facts.libraries.push_back(library_of(value));
        if (key == "done") done = true;
    }
};

}  // namespace

Result<PluginFacts> inspect_in_child(const std::string& path, const InspectOptions& options) {
    const std::string failed = "cannot look at plugin '" + path + "'";
    ChildRequest request;
    request.program = options.program;
    request.args = {kInspectVerb, path};
    request.timeout_seconds = options.timeout_seconds;
    Answer answer;
    const auto end = run_child(
        request,
        [&answer](const std::string& key, const std::string& value) { answer.take(key, value); });
    if (!end) return end.status().context(failed);
    if (!answer.error.empty()) return invalid(answer.error);
    if (answer.done) return answer.facts;
    return Status(end->in_time ? Code::internal : Code::cancelled,
                  failed + ": " + end->reason(options.timeout_seconds));
}

int inspect_main(const char* path) {
    start_child();
    send_record("stage", "loading");
    const auto file = load_plugin(path, "");
    if (!file.ok()) {
        send_record("error", file.status().message());
        return 1;
    }
    const PluginFile& plugin = **file;
    send_record("kind", plugin.kind);
    send_record("name", plugin.name);
    send_record("version", plugin.version);
    send_record("licence", plugin.licence);
    send_record("build", plugin.build);
    send_record("domain", plugin.domain);
    for (const std::string& id : plugin.provides) send_record("provides", id);
    send_record("stage", "its probe");
    afs_open_args args = make<afs_open_args>();
    args.world = 1;
    args.host = &plugin_host();
    const Status probed = probe_plugin(plugin, args);
    send_record("usable", probed.ok() ? "1" : "0");
    if (!probed.ok()) send_record("reason", probed.message());
    for (const LoadedLibrary& library : loaded_libraries())
        send_record("library", record_of(library));
    send_record("done", "1");
    finish_child();
}

}  // namespace afs
