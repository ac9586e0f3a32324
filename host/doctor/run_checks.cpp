#include "doctor/run_checks.hpp"

#include <iostream>
#include <sstream>

#include "afs/json.hpp"
#include "loader/child.hpp"
#include "loader/open.hpp"

namespace afs {
namespace {

using json::Value;

Value task(const CheckRun& run, uint64_t first) {
    Value options = Value::object();
    for (const auto& [key, value] : run.options) options.add(key, Value::of(value));
    return Value::object()
        .add("path", Value::of(run.path))
        .add("name", Value::of(run.name))
        .add("first", Value::of(first))
        .add("config", Value::of(run.view.config_json))
        .add("config_file", Value::of(run.view.config_file))
        .add("root", Value::of(run.view.root))
        .add("options", std::move(options));
}

std::string record_of(const Finding& finding) {
    return json::dump(Value::object()
                          .add("status", Value::of(int64_t{finding.status}))
                          .add("name", Value::of(finding.name))
                          .add("found", Value::of(finding.found))
                          .add("needed", Value::of(finding.needed))
                          .add("remedy", Value::of(finding.remedy))
                          .add("momentary", Value::of(finding.momentary)));
}

std::string text_at(const Value& value, const char* key) {
    const Value* found = value.find(key);
    return found ? found->string : "";
}

// What a plugin said is a stranger's: a record that does not read is a failed finding.
Finding finding_of(const std::string& record) {
    const auto value = json::parse(record);
    if (!value || !value->is(json::Kind::object))
        return {AFS_CHECK_FAIL, "finding", "a finding that cannot be read", "", ""};
    const Value* status = value->find("status");
    Finding out{static_cast<int32_t>(status ? status->as_int64().value_or(AFS_CHECK_FAIL)
                                            : int64_t{AFS_CHECK_FAIL}),
                text_at(*value, "name"), text_at(*value, "found"), text_at(*value, "needed"),
                text_at(*value, "remedy")};
    if (out.status < AFS_CHECK_OK || out.status > AFS_CHECK_FAIL) out.status = AFS_CHECK_FAIL;
    const Value* momentary = value->find("momentary");
    out.momentary = momentary && momentary->boolean;
    return out;
}

// What one child did: it stands in `check` number `index` when it ended early.
struct Progress {
    std::string check, error;
    uint64_t index = 0, n_seen = 0;
    bool began = false, done = false;
};

}  // namespace

std::vector<CheckedFinding> run_checks(const CheckRun& run) {
    std::vector<CheckedFinding> out;
    const auto fail = [&](const std::string& check, const std::string& found,
                          const std::string& remedy) {
        out.push_back({run.name, check, {AFS_CHECK_FAIL, check, found, "", remedy}});
    };
    for (uint64_t first = 0;;) {
        ChildRequest request;
        request.program = run.program;
        request.args = {kChecksVerb};
        request.input = json::dump(task(run, first));
        request.timeout_seconds = run.timeout_seconds;
        Progress progress;
        const auto end = run_child(request, [&](const std::string& key, const std::string& value) {
            if (key == "check") {
                progress.check = value;
                progress.index = first + progress.n_seen++;
                progress.began = true;
            }
            if (key == "finding") out.push_back({run.name, progress.check, finding_of(value)});
            if (key == "failed") fail(progress.check, value, "see the message");
            if (key == "error") progress.error = value;
            if (key == "done") progress.done = true;
        });
        if (!end) {
            fail(run.name, end.status().message(), "free some processes or memory, then try again");
            return out;
        }
        if (progress.done) return out;
        if (!progress.error.empty() || !progress.began) {
            fail(run.name,
                 progress.error.empty() ? end->reason(run.timeout_seconds) : progress.error,
                 "look at it: afs-host plugins inspect env-" + run.name);
            return out;
        }
        fail(progress.check, end->reason(run.timeout_seconds),
             "the other checks ran; report this to the author of plugin '" + run.name + "'");
        first = progress.index + 1;
    }
}

int checks_main() {
    start_child();
    send_record("stage", "loading");
    std::ostringstream input;
    input << std::cin.rdbuf();
    const auto value = json::parse(input.str());
    const auto fail = [](const Status& status) {
        send_record("error", status.message());
        return 1;
    };
    if (!value || !value->is(json::Kind::object)) return fail(invalid("no task on standard input"));
    const auto file = load_plugin(text_at(*value, "path"), "env");
    if (!file) return fail(file.status());
    OpenRequest open;
    open.name = text_at(*value, "name");
    if (const Value* options = value->find("options"))
        for (const json::Member& option : options->members)
            open.options[option.key] = option.value.string;
    const auto checks = open_env(*file, open);
    if (!checks) return fail(checks.status());
    const EnvironmentView view{text_at(*value, "config"), text_at(*value, "config_file"),
                               text_at(*value, "root")};
    const std::vector<std::string> names = (*checks)->checks();
    const Value* first = value->find("first");
    for (size_t i = first ? first->as_uint64().value_or(0) : 0; i < names.size(); ++i) {
        send_record("stage", "check " + names[i]);
        send_record("check", names[i]);
        const auto findings = (*checks)->run(static_cast<uint32_t>(i), view);
        if (!findings) {
            send_record("failed", findings.status().message());
            continue;
        }
        for (const Finding& finding : *findings) send_record("finding", record_of(finding));
    }
    send_record("done", "1");
    finish_child();
}

const char* check_status_word(int32_t status) {
    switch (status) {
        case AFS_CHECK_OK: return "ok";
        case AFS_CHECK_INFO: return "info";
        case AFS_CHECK_WARN: return "warning";
        default: return "failed";
    }
}

}  // namespace afs
