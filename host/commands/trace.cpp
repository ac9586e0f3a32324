// trace: where the time of a step goes, op by op; the values of tags; the distance from a trace of
// Hugging Face transformers.
#include "trace/trace.hpp"

#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "engine/cpu_device.hpp"
#include "planner/backend_form.hpp"
#include "report/json_list.hpp"
#include "runtime/write_file.hpp"
#include "trace/golden_trace.hpp"
#include "trace/tensor_file.hpp"

namespace afs {
namespace {

using Json = nlohmann::ordered_json;

struct Wanted {
    uint32_t new_tokens = 32, batch = 1, prompt_tokens = 32, chunk = 0, most_rows = 16;
    std::string text, out, chrome, golden_folder;
    std::vector<std::string> taps;
    bool json = false;
    bool values_only() const { return !taps.empty() || !golden_folder.empty(); }
};

Result<Wanted> read_trace_options(const ParsedOptions& options) {
    Wanted wanted;
    const auto read = [&](const char* name, uint32_t& into, uint64_t least) -> Status {
        AFS_ASSIGN(const uint64_t value, options.number(name, into, least, 1u << 20));
        into = static_cast<uint32_t>(value);
        return {};
    };
    AFS_TRY(read("max-tokens", wanted.new_tokens, 1));
    AFS_TRY(read("batch", wanted.batch, 1));
    AFS_TRY(read("prompt-tokens", wanted.prompt_tokens, 1));
    AFS_TRY(read("chunk", wanted.chunk, 0));
    AFS_TRY(read("rows", wanted.most_rows, 1));
    wanted.text = options.text("prompt", "Once upon a time there was a little dog who");
    wanted.out = options.text("out", "taps.safetensors");
    wanted.chrome = options.text("chrome");
    wanted.golden_folder = options.text("against-hf");
    wanted.taps = options.all("tap");
    wanted.json = options.has("json");
    return wanted;
}

Json as_json(const TraceRow& row, double ceiling) {
    Json json = {{"tags", row.tags},         {"op", row.op},           {"on", row.place},
                 {"launches", row.launches}, {"seconds", row.seconds}, {"bytes", row.bytes},
                 {"flops", row.flops}};
    if (ceiling > 0 && row.seconds > 0)
        json["share_of_ceiling"] = row.bytes / row.seconds / ceiling;
    return json;
}

Json as_json(const TracePhase& phase, double ceiling) {
    return {
        {"name", phase.name},
        {"steps", phase.n_steps},
        {"tokens_per_step", phase.n_tokens},
        {"context", {phase.first_context, phase.last_context}},
        {"launches", phase.launches},
        {"step_seconds", phase.step_seconds},
        {"unit_seconds", phase.unit_seconds},
        {"clock", phase.device_clock ? "device" : "host"},
        {"rows", json_list(phase.rows, [&](const TraceRow& r) { return as_json(r, ceiling); })}};
}

Json as_json(const GoldenRow& row) {
    return {{"tag", row.tag},
            {"max", row.error.max},
            {"rms", row.error.rms},
            {"largest", row.largest},
            {"their_max", row.error.their_max},
            {"their_rms", row.error.their_rms},
            {"holds", row.holds}};
}

Json about(const Runtime& runtime) {
    return {{"model", runtime.model_name()},
            {"dtype", runtime.dtype()},
            {"plan", runtime.plan().id},
            {"kernels", json_list(runtime.plan().backends, backend_form)}};
}

std::string title(const Runtime& runtime) {
    return runtime.model_name() + " on " + runtime.plan().kernels() + ", " + runtime.dtype() +
           ", plan " + runtime.plan().id + "\n";
}

std::string dump_trace(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Status time_units(Runtime& runtime, const Wanted& wanted, double host_ceiling) {
    Workload workload;
    AFS_ASSIGN(workload.prompt, prompt_ids(runtime, wanted.text, wanted.prompt_tokens));
    workload.new_tokens = wanted.new_tokens;
    workload.batch = wanted.batch;
    workload.n_vocab = valid_ids(runtime);
    AFS_TRY(check_context(runtime.engine(), workload.prompt.size() + workload.new_tokens,
                          "--max-tokens " + std::to_string(workload.new_tokens) +
                              " after a prompt of " + std::to_string(workload.prompt.size())));
    AFS_ASSIGN(const Trace trace, run_trace(runtime.engine(), runtime.plan(), runtime.weights(),
                                            workload, read_ceiling(runtime.plan(), host_ceiling),
                                            [] { return interrupted() != 0; }));
    if (!wanted.chrome.empty())
        AFS_TRY(write_file(wanted.chrome, chrome_json(trace, runtime.plan())));
    if (wanted.json) {
        Json json = about(runtime);
        json["read_ceiling"] = trace.ceiling;
        json["phases"] = json_list(
            trace.phases, [&](const TracePhase& phase) { return as_json(phase, trace.ceiling); });
        return write_out(dump_trace(json));
    }
    std::string text = title(runtime) + trace_text(trace, wanted.most_rows) + "\n";
    if (!wanted.chrome.empty())
        text += "timeline in " + wanted.chrome + ": open it at https://ui.perfetto.dev\n";
    else
        text += "next: afs-host trace --chrome trace.json writes the timeline for Perfetto\n";
    return write_out(text);
}

Status tap_values(Runtime& runtime, const Wanted& wanted) {
    std::vector<std::string> tags;
    for (const std::string& pattern : wanted.taps) {
        const auto found = matching_tags(runtime.plan(), pattern);
        if (found.empty())
            return not_found("no activation has the tag '" + pattern +
                             "'; afs-host explain lists them, as L0.attn.q or L*.attn.q");
        tags.insert(tags.end(), found.begin(), found.end());
    }
    AFS_ASSIGN(const std::vector<int32_t> ids,
               prompt_ids(runtime, wanted.text, wanted.prompt_tokens));
    AFS_ASSIGN(const TracedValues values, trace_values(runtime.engine(), tags, ids, wanted.chunk));
    AFS_TRY(write_tensors(wanted.out, values));
    Json json = about(runtime);
    json["ids"] = ids;
    json["file"] = wanted.out;
    json["not_formed"] = Json::array();
    json["values"] = Json::array();
    std::string text = title(runtime);
    for (const std::string& tag : tags) {
        const auto value = values.find(tag);
        if (value == values.end()) {
            text += "  " + tag + ": never formed, a program keeps it inside\n";
            json["not_formed"].push_back(tag);
            continue;
        }
        json["values"].push_back({{"tag", tag}, {"shape", value->second.dims}});
        text += "  " + tag + ": fp32 [" + std::to_string(value->second.dims[0]) + ", " +
                std::to_string(value->second.width()) + "]\n";
    }
    return write_out(wanted.json ? dump_trace(json) : text + "written to " + wanted.out + "\n");
}

// False: some tag leaves its bound.
Result<bool> against_golden(Runtime& runtime, const Wanted& wanted, const GoldenTrace& golden) {
    const std::vector<std::string> all = matching_tags(runtime.plan(), "all");
    AFS_ASSIGN(const TracedValues values,
               trace_values(runtime.engine(), all, golden.ids, wanted.chunk));
    AFS_ASSIGN(const std::vector<GoldenRow> rows,
               compare_to_golden(values, golden, all, runtime.dtype()));
    bool held = true;
    Json json = about(runtime);
    for (const GoldenRow& row : rows) held = held && row.holds;
    json["rows"] = json_list(rows, [](const GoldenRow& row) { return as_json(row); });
    json["holds"] = held;
    AFS_TRY(write_out(wanted.json ? dump_trace(json)
                                  : title(runtime) + golden_text(rows, golden, runtime.dtype())));
    return held;
}

int run_trace(const Command&, const ParsedOptions& options) {
    catch_interrupts();
    auto wanted = read_trace_options(options);
    if (!wanted) return report_failure(wanted.status(), kUsage);
    auto config = open_config(options);
    if (config) config = with_room(*config, 0, wanted->batch, "trace");
    if (!config) return report_bad_input(config.status());
    std::optional<GoldenTrace> golden;
    if (!wanted->golden_folder.empty()) {
        auto opened = open_golden_trace(wanted->golden_folder);
        if (!opened) return report_bad_input(opened.status(), kFailed);
        golden = std::move(*opened);
    }
    RuntimeOptions opening;
    opening.random_weights = options.text("random-weights");
    opening.tokenizer = opening.random_weights.empty() && !golden;
    double host_ceiling = 0;
    if (!wanted->values_only()) {
        CpuDevice host;
        const auto measured = host.read_ceiling();
        host_ceiling = measured ? *measured : 0;
    }
    auto runtime = Runtime::open(*config, opening);
    if (!runtime) return report_not_opened(runtime.status());
    Status status;
    bool held = true;
    if (!wanted->taps.empty()) {
        status = tap_values(**runtime, *wanted);
    } else if (golden) {
        const auto answer = against_golden(**runtime, *wanted, *golden);
        status = answer.status();
        held = answer && *answer;
    } else {
        status = time_units(**runtime, *wanted, host_ceiling);
    }
    if (interrupted()) return 128 + interrupted();
    if (!status.ok()) return report_failure(status, kFailed);
    return held ? kDone : kFailed;
}

}  // namespace

const Command& trace_command() {
    static const Command command = {
        "trace",
        "shows where the time of a step goes, op by op; saves values by tag",
        "afs-host trace [options]",
        "afs-host trace --kernels reference -n 16",
        {{"prompt,p", "TEXT", "what is processed before tokens are generated"},
         {"max-tokens,n", "N", "decode steps that are timed (default 32)"},
         {"batch", "N", "sequences at once (default 1)"},
         {"rows", "N", "lines of each table; the others are summed (default 16)"},
         {"chrome", "FILE", "also the timeline, for chrome://tracing and ui.perfetto.dev"},
         {"tap", "TAG",
          "instead: save this value over all tokens of the prompt (L3.attn.q, L*.attn.ctx, all); "
          "may be repeated"},
         {"out", "FILE", "with --tap: a .safetensors or .npy file (default taps.safetensors)"},
         {"against-hf", "DIR",
          "instead: compare every value with a trace made by tools/goldens/trace.py"},
         {"chunk", "N",
          "with --tap and --against-hf: tokens of a step; 1: decode steps (default: all at once)"},
         {"random-weights", "SHAPE", "a model shape with random weights, as in bench"},
         {"prompt-tokens", "N", "with --random-weights: length of the prompt (default 32)"},
         {"json", "", "for machines"},
         {"help,h", "", "this page"}},
        true,
        0,
        run_trace,
        {writes("chrome"), writes("out"), excludes("tap", {"against-hf"}),
         excludes("tap", {"chrome", "max-tokens", "batch", "rows"}, "it times nothing"),
         excludes("against-hf", {"chrome", "max-tokens", "batch", "rows"}, "it times nothing"),
         excludes("against-hf", {"prompt"}, "its trace has a prompt"), needs("out", {"tap"}),
         needs("chunk", {"tap", "against-hf"}), excludes("rows", {"json"}, "JSON has every row"),
         excludes("random-weights", {"model"}, "a shape takes the checkpoint's place"),
         excludes("random-weights", {"prompt", "against-hf"}, "a shape has no tokenizer"),
         needs("prompt-tokens", {"random-weights"}, "else the prompt is as long as its text")}};
    return command;
}

}  // namespace afs
