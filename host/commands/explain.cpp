// explain: the plan. Which node runs on which plugin, and why not elsewhere; --prompt adds the
// exact text and ids that a run would start from.
#include <nlohmann/json.hpp>

#include "afs/tokenizer.hpp"
#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "planner/backend_form.hpp"
#include "planner/explain.hpp"
#include "report/json_list.hpp"
#include "runtime/open_chat.hpp"
#include "runtime/plugin_search.hpp"
#include "runtime/runtime.hpp"

namespace afs {
namespace {

using Json = nlohmann::ordered_json;

std::string dump_plan(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json as_json(const ExplainClass& step_class) {
    return {
        {"class", step_class.name},
        {"like_general", step_class.like_general},
        {"launches", step_class.n_launches},
        {"host_samples", step_class.host_samples},
        {"copies", step_class.copies},
        {"nodes_by_backend", json_object(step_class.counts, [](const auto& n) { return Json(n); })},
        {"rows", json_list(step_class.rows, [](const ExplainRow& row) -> Json {
             return {{"tags", row.tags},
                     {"op", row.op},
                     {"backend", row.backend},
                     {"why", row.why},
                     {"nodes", row.n_nodes}};
         })}};
}

Json as_json(const Backend& backend) {
    Json json = backend_form(backend);
    json["domain"] = backend.domain;
    json["chosen"] = backend.chosen;
    json["about"] = backend.api->about();
    return json;
}

Json as_json(const ExplainRefusal& refusal) {
    return {{"backend", refusal.backend},
            {"op", refusal.op},
            {"reason", refusal.reason},
            {"nodes", refusal.n_nodes}};
}

Json as_json(const ExplainKv& kv) {
    return {{"layout", kv.layout},
            {"note", kv.note},
            {"layers", kv.n_layers},
            {"bytes_per_token", kv.bytes_per_token}};
}

Json as_json(const ExplainWeights& weights) {
    return {{"backend", weights.backend},           {"as_is", weights.n_as_is},
            {"bytes_as_is", weights.bytes_as_is},   {"packed", weights.n_packed},
            {"bytes_packed", weights.bytes_packed}, {"dtypes", weights.dtypes}};
}

Json as_json(const Plan& plan) {
    const Explanation explanation = explain(plan);
    const auto form = [](const auto& each) { return as_json(each); };
    return {{"plan", explanation.id},
            {"deterministic", explanation.deterministic},
            {"backends", json_list(plan.backends, form)},
            {"classes", json_list(explanation.classes, form)},
            {"refusals", json_list(explanation.refusals, form)},
            {"kv", json_list(explanation.kv, form)},
            {"weights", json_list(explanation.weights, form)},
            {"warnings", explanation.warnings}};
}

// The exact text and ids that a run would start from; needs no weights.
Result<Json> explain_prompt(const Config& config, const ParsedOptions& options) {
    const PluginSearch search = plugin_search(config);
    OpenedTokenizer tokenizer;
    ChatPrompt prompt;
    Json json;
    if (options.has("chat")) {
        AFS_ASSIGN(const OpenedModel model, open_model_texts(config, search));
        AFS_ASSIGN(tokenizer, open_configured_tokenizer(config, search, &*model.checkpoint));
        AFS_ASSIGN(const ChatFormat format, open_chat_format(config, model, tokenizer));
        Messages messages = {{"user", options.text("prompt")}};
        if (options.has("system"))
            messages.insert(messages.begin(), {"system", options.text("system")});
        AFS_ASSIGN(prompt, format.prompt(messages, options.has("special")));
        json["chat_template"] = describe_chat_format(config, format);
    } else {
        AFS_ASSIGN(tokenizer, open_tokenizer_alone(config, search));
        prompt.text = options.text("prompt");
        const uint32_t special = options.has("special") ? uint32_t{AFS_ENCODE_PARSE_SPECIAL} : 0u;
        AFS_TRY(
            tokenizer.plugin->encode(prompt.text, AFS_ENCODE_ADD_SPECIAL | special, prompt.ids));
        prompt.n_bos = count_bos(prompt.ids, tokenizer.info.bos_id);
    }
    json["prompt"] = prompt.text;
    json["n_tokens"] = prompt.ids.size();
    json["n_bos"] = prompt.n_bos;
    json["tokens"] = Json::array();
    for (const int32_t id : prompt.ids) {
        TokenPiece piece;
        AFS_TRY(tokenizer.plugin->token(id, piece));
        json["tokens"].push_back({{"id", id}, {"text", piece.bytes}});
    }
    return json;
}

std::string prompt_text(const Json& prompt) {
    std::string out;
    if (prompt.contains("chat_template"))
        out = "chat      " + prompt["chat_template"].get<std::string>() + "\n";
    out += "prompt    " + prompt["prompt"].dump(-1, ' ', false, Json::error_handler_t::replace) +
           "\ntokens    " + prompt["n_tokens"].dump() + ", " + prompt["n_bos"].dump() +
           " of them BOS at the beginning\n";
    for (const Json& token : prompt["tokens"]) {
        std::string id = token["id"].dump();
        out += "          " + id + std::string(id.size() < 8 ? 8 - id.size() : 1, ' ') +
               token["text"].dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
    return out;
}

Result<std::string> make_report(Runtime& runtime, const ParsedOptions& options,
                                const Json& prompt) {
    if (options.has("json")) {
        Json json = {{"model", runtime.model_origin()},
                     {"family", runtime.model_plugin()},
                     {"summary", runtime.model().summary},
                     {"dtype", runtime.dtype()}};
        json.update(as_json(runtime.plan()));
        if (!prompt.is_null()) json["prompt"] = prompt;
        return dump_plan(json);
    }
    if (options.has("node")) return explain_node(runtime.plan(), options.text("node"));
    std::string text = "model     " + runtime.model_origin() + "\n          " +
                       runtime.model().summary + "; activations " + runtime.dtype() + "\n\n" +
                       explain_text(runtime.plan());
    if (!prompt.is_null()) text += "\n" + prompt_text(prompt);
    return text;
}

int run_explain(const Command&, const ParsedOptions& options) {
    catch_interrupts();
    auto config = open_config(options);
    if (!config) return report_bad_input(config.status());
    Json prompt;
    if (options.has("prompt")) {
        auto explained = explain_prompt(*config, options);
        if (!explained) return report_not_opened(explained.status());
        prompt = std::move(*explained);
    }
    RuntimeOptions wanted;
    wanted.random_weights = options.text("random-weights");
    wanted.tokenizer = false;
    wanted.engine = false;
    auto runtime = Runtime::open(*config, wanted);
    if (!runtime && prompt.is_null()) return report_not_opened(runtime.status());
    if (!runtime) {  // the prompt is known even where the weights are not there
        const std::string text =
            options.has("json") ? dump_plan({{"prompt", prompt}}) : prompt_text(prompt);
        const Status written = write_out(text);
        return written.ok() ? report_not_opened(runtime.status())
                            : report_failure(written, kFailed);
    }
    const auto report = make_report(**runtime, options, prompt);
    if (!report) return report_failure(report.status(), kFailed);
    const Status written = write_out(*report);
    return written.ok() ? kDone : report_failure(written, kFailed);
}

}  // namespace

const Command& explain_command() {
    static const Command command = {
        "explain",
        "shows the plan: which node runs where, and why not elsewhere",
        "afs-host explain [options]",
        "afs-host explain --model-plugin llama3 --prompt \"Once upon a time\"",
        {{"node", "TAG", "one node in detail: placement, refusals, inputs (L0.attn.ctx)"},
         {"prompt,p", "TEXT",
          "also the exact text and ids that a run with this prompt starts from"},
         {"chat", "", "with --prompt: it is a message, written in the chat template"},
         {"system", "TEXT", "with --chat: the system message"},
         {"special", "", "with --prompt: special tokens written in it become their ids"},
         {"random-weights", "SHAPE", "the plan for this shape, without a checkpoint"},
         {"json", "", "for machines"},
         {"help,h", "", "this page"}},
        true,
        0,
        run_explain,
        {excludes("random-weights", {"model"}, "a shape takes the checkpoint's place"),
         excludes("random-weights", {"prompt"}, "a shape has no tokenizer"),
         excludes("node", {"prompt", "json"}, "it prints that node alone"),
         needs("chat", {"prompt"}), needs("special", {"prompt"}), needs("system", {"chat"})}};
    return command;
}

}  // namespace afs
