#include "doctor/model_opening.hpp"

#include "afs/json.hpp"
#include "doctor/recorded_run.hpp"  // config_of_record
#include "loader/child.hpp"
#include "planner/plan.hpp"
#include "runtime/open_model.hpp"  // render_for_others
#include "runtime/runtime.hpp"

namespace afs {
namespace {

using json::Value;

Status open_here(const Value& task) {
    const Value *config = task.find("config"), *path = task.find("path");
    if (!config || !path) return invalid("no configuration on standard input");
    const auto text = [&](const char* key) {
        const Value* value = path->find(key);
        return value ? value->string : "";
    };
    AFS_ASSIGN(const Config active,
               config_of_record(config->string, {{text("key"), text("value"), text("origin")},
                                                 {"check_tensors", "false", "doctor"}}));
    RuntimeOptions options;
    options.engine = false;
    AFS_ASSIGN(const auto runtime, Runtime::open(active, options));
    send_record("opened", std::string(runtime->model().summary) + ", in " + runtime->dtype() +
                              " on " + runtime->plan().kernels());
    return {};
}

// Without what would read every weight: `quantize` has no word for "not".
std::string config_without_quantize(const Config& config) {
    std::string text = render_for_others(config);
    auto value = json::parse(text);
    if (!value) return text;
    std::erase_if(value->members, [](const json::Member& m) { return m.key == "quantize"; });
    return json::dump(*value);
}

}  // namespace

Result<std::string> open_model_in_child(const Config& config, const OpeningOptions& options) {
    AFS_ASSIGN(const std::filesystem::path path, config.model_path());
    const std::string key = config.model_path_key();
    ChildRequest request;
    request.program = options.program;
    request.args = {kOpenVerb};
    // With the path's own origin, since messages name it.
    request.input = json::dump(Value::object()
                                   .add("config", Value::of(config_without_quantize(config)))
                                   .add("path", Value::object()
                                                    .add("key", Value::of(key))
                                                    .add("value", Value::of(path.string()))
                                                    .add("origin", Value::of(config.origin(key)))));
    request.timeout_seconds = options.timeout_seconds;
    std::string opened, error;
    AFS_ASSIGN(const ChildEnd end,
               run_child(request, [&](const std::string& name, const std::string& value) {
                   if (name == "opened") opened = value;
                   if (name == "error") error = value;
               }));
    if (!error.empty()) return invalid(error);
    if (opened.empty()) return Status(Code::internal, end.reason(options.timeout_seconds));
    return opened;
}

int model_opening_main() {
    do_task("opening the model", open_here);
}

}  // namespace afs
