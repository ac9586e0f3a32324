#include "doctor/recorded_run.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include "afs/tokenizer.hpp"
#include "engine/text_stream.hpp"
#include "loader/child.hpp"
#include "runtime/runtime.hpp"

namespace afs {
namespace {

using json::Value;

Result<Request> make_request(Runtime& runtime, const RecordedRun& run, bool logprobs) {
    Request request;
    request.prompt = run.prompt_ids;
    if (request.prompt.empty())
        AFS_TRY(runtime.tokenizer()->encode(run.prompt, AFS_ENCODE_ADD_SPECIAL, request.prompt));
    if (request.prompt.empty()) return invalid("the recorded prompt is empty");
    request.max_new_tokens = run.max_tokens;
    request.stop_strings = run.stop;
    request.n_logprobs = logprobs ? 5 : -1;
    request.n_vocab = static_cast<int32_t>(runtime.tokenizer_info().n_vocab);
    request.sampling = runtime.sampling();
    if (!run.ignore_stop) request.stop_ids = runtime.stop_ids();
    return request;
}

// Each token is a stage of its own for the parent's clock.
Status step_through(Runtime& runtime, const Request& request, RecordedRun& out) {
    Engine& engine = runtime.engine();
    AFS_TRY(engine.submit(request).status());
    TextStream text(runtime.tokenizer(), request.stop_strings);
    text.follow(request.prompt);
    while (!engine.idle()) {
        AFS_ASSIGN(const std::vector<TokenEvent> events, engine.step());
        for (const TokenEvent& event : events) {
            if (event.finish != FinishReason::none) out.finish = finish_reason_name(event.finish);
            if (event.id < 0) continue;
            out.ids.push_back(event.id);
            if (request.n_logprobs >= 0) {
                out.logprobs.push_back(event.logprob);
                out.top.emplace_back(event.top.begin(), event.top.end());
            }
            send_record("stage", "token " + std::to_string(out.ids.size() + 1));
            if (event.finish == FinishReason::stop_id) continue;
            AFS_ASSIGN(const std::string piece, text.push(event.id));
            out.text += piece;
        }
    }
    out.text += text.finish();
    return {};
}

Status run_here(const Value& task) {
    const Value* record = task.find("run");
    if (!record) return invalid("no run on standard input");
    AFS_ASSIGN(RecordedRun out, read_record(*record, "the run"));
    std::vector<Override> overrides;
    if (const Value* given = task.find("overrides"))
        for (const json::Member& member : given->members)
            overrides.push_back({member.key, member.value.string, "this run"});
    AFS_ASSIGN(const Config config, config_of_record(out.config, overrides));
    AFS_ASSIGN(const auto runtime, Runtime::open(config));
    const Value* logprobs = task.find("logprobs");
    AFS_ASSIGN(const Request request, make_request(*runtime, out, logprobs && logprobs->boolean));
    out.config = config.render();
    out.prompt_ids = request.prompt;
    out.ids.clear();
    out.text.clear();
    out.logprobs.clear();
    out.top.clear();
    out.model = runtime->model_name();
    out.dtype = runtime->dtype();
    out.plan = runtime->plan().id;
    out.plugins = used_plugins(runtime->plan());
    out.load_seconds = 0;
    for (const Phase& phase : runtime->phases()) out.load_seconds += phase.seconds;
    send_record("stage", "the prompt");
    AFS_TRY(step_through(*runtime, request, out));
    const EngineStats stats = runtime->engine().stats();
    out.prefill_seconds = stats.prefill_seconds;
    out.decode_seconds = stats.decode_seconds;
    send_record("result", json::dump(write_record(out)));
    return {};
}

}  // namespace

Result<Config> config_of_record(const std::string& text, const std::vector<Override>& overrides) {
    const int file = memfd_create("config", MFD_CLOEXEC);
    if (file < 0 || ::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return Status(Code::io, "cannot hold the configuration in memory");
    ConfigRequest request;
    request.file = "/proc/self/fd/" + std::to_string(file);
    request.working_folder = "/proc/self/fd";
    request.environment.emplace();
    request.overrides = overrides;
    return Config::load(request);
}

std::vector<UsedPlugin> used_plugins(const Plan& plan) {
    std::vector<UsedPlugin> out;
    for (const Backend& backend : plan.backends)
        out.push_back({backend.name, backend.version, backend.sha256});
    return out;
}

Result<RecordedRun> run_again(const RecordedRun& run, const RunAgain& how) {
    Value overrides = Value::object();
    for (const auto& [key, value] : how.overrides) overrides.add(key, Value::of(value));
    ChildRequest request;
    request.program = how.program;
    request.args = {kRunVerb};
    request.input = json::dump(Value::object()
                                   .add("run", write_record(run))
                                   .add("overrides", std::move(overrides))
                                   .add("logprobs", Value::of(how.logprobs)));
    request.timeout_seconds = how.timeout_seconds;
    std::string result, error;
    size_t tokens = 0;
    AFS_ASSIGN(const ChildEnd end,
               run_child(request, [&](const std::string& key, const std::string& value) {
                   if (key == "result") result = value;
                   if (key == "error") error = value;
                   if (key == "stage" && value.rfind("token", 0) == 0 && how.progress)
                       how.progress(++tokens);
               }));
    if (!error.empty()) return invalid(error);
    if (result.empty()) return Status(Code::internal, end.reason(how.timeout_seconds));
    AFS_ASSIGN(const Value record, json::parse(result));
    return read_record(record, "the run");
}

int recorded_run_main() {
    do_task("loading the model", run_here);
}

}  // namespace afs
