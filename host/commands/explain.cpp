// explain: the plan. Which node runs on which plugin, and why not elsewhere; --prompt adds the
// exact text and ids that a run would start from.
#include <nlohmann/json.hpp>

#include "afs/tokenizer.hpp"
#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "planner/explain.hpp"
#include "runtime/runtime.hpp"

namespace afs {
namespace {

using Json = nlohmann::ordered_json;

Json as_json(const ExplainClass& step_class) {
    Json json = {{"class", step_class.name},
                 {"like_general", step_class.like_general},
                 {"launches", step_class.n_launches},
                 {"host_samples", step_class.host_samples},
                 {"copies", step_class.copies}};
    for (const auto& [backend, n] : step_class.counts) json["nodes_by_backend"][backend] = n;
    for (const ExplainRow& row : step_class.rows)
        json["rows"].push_back({{"tags", row.tags},
                                {"op", row.op},
                                {"backend", row.backend},
                                {"why", row.why},
                                {"nodes", row.n_nodes}});
    return json;
}

Json as_json(const Plan& plan) {
    const Explanation explanation = explain(plan);
    Json json = {{"plan", explanation.id}, {"deterministic", explanation.deterministic}};
    for (const Backend& backend : plan.backends)
        json["backends"].push_back({{"name", backend.name},
                                    {"plugin", backend.plugin},
                                    {"version", backend.version},
                                    {"path", backend.path},
                                    {"sha256", backend.sha256},
                                    {"domain", backend.domain},
                                    {"about", backend.api->about()}});
    for (const ExplainClass& step_class : explanation.classes)
        json["classes"].push_back(as_json(step_class));
    json["refusals"] = Json::array();
    for (const ExplainRefusal& refusal : explanation.refusals)
        json["refusals"].push_back({{"backend", refusal.backend},
                                    {"op", refusal.op},
                                    {"reason", refusal.reason},
                                    {"nodes", refusal.n_nodes}});
    for (const ExplainKv& kv : explanation.kv)
        json["kv"].push_back({{"layout", kv.layout},
                              {"note", kv.note},
                              {"layers", kv.n_layers},
                              {"bytes_per_token", kv.bytes_per_token}});
    for (const ExplainWeights& weights : explanation.weights)
        json["weights"].push_back({{"backend", weights.backend},
                                   {"as_is", weights.n_as_is},
                                   {"bytes_as_is", weights.bytes_as_is},
                                   {"packed", weights.n_packed},
                                   {"bytes_packed", weights.bytes_packed}});
    json["warnings"] = explanation.warnings;
    return json;
}

// The ids that a prompt becomes, each with its bytes.
Result<Json> prompt_as_json(Runtime& runtime, const std::string& prompt) {
    Tokenizer& tokenizer = *runtime.tokenizer();
    std::vector<int32_t> ids;
    AFS_TRY(tokenizer.encode(prompt, AFS_ENCODE_ADD_SPECIAL, ids));
    int n_bos = 0;
    Json tokens = Json::array();
    for (const int32_t id : ids) {
        TokenPiece piece;
        AFS_TRY(tokenizer.token(id, piece));
        tokens.push_back({{"id", id}, {"text", piece.bytes}});
        n_bos += id == runtime.tokenizer_info().bos_id ? 1 : 0;
    }
    return Json{{"prompt", prompt}, {"n_tokens", ids.size()}, {"n_bos", n_bos}, {"tokens", tokens}};
}

std::string prompt_text(const Json& prompt) {
    std::string out = "prompt    " +
                      prompt["prompt"].dump(-1, ' ', false, Json::error_handler_t::replace) +
                      "\ntokens    " + prompt["n_tokens"].dump() + ", " + prompt["n_bos"].dump() +
                      " of them BOS\n";
    for (const Json& token : prompt["tokens"]) {
        std::string id = token["id"].dump();
        out += "          " + id + std::string(id.size() < 8 ? 8 - id.size() : 1, ' ') +
               token["text"].dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
    return out;
}

Result<std::string> make_report(Runtime& runtime, const ParsedOptions& options) {
    Json prompt;
    if (options.has("prompt")) {
        AFS_ASSIGN(prompt, prompt_as_json(runtime, options.text("prompt")));
    }
    if (options.has("json")) {
        Json json = {{"model", runtime.model_origin()},
                     {"family", runtime.model_plugin()},
                     {"summary", runtime.model().summary},
                     {"dtype", runtime.dtype()}};
        json.update(as_json(runtime.plan()));
        if (!prompt.is_null()) json["prompt"] = prompt;
        return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    }
    if (options.has("node")) return explain_node(runtime.plan(), options.text("node"));
    std::string text = "model     " + runtime.model_origin() + "\n          " +
                       runtime.model().summary + "; activations " + runtime.dtype() + "\n\n" +
                       explain_text(runtime.plan());
    if (!prompt.is_null()) text += "\n" + prompt_text(prompt);
    return text;
}

int run(const Command&, const ParsedOptions& options) {
    catch_interrupts();
    auto config = open_config(options);
    if (!config) return report_failure(config.status(), kUsage);
    RuntimeOptions wanted;
    wanted.random_weights = options.text("random-weights");
    wanted.tokenizer = options.has("prompt");
    wanted.engine = false;
    if (wanted.tokenizer && !wanted.random_weights.empty())
        return report_failure(
            invalid("--prompt and --random-weights exclude each other: a shape has no tokenizer"),
            kUsage);
    auto runtime = Runtime::open(*config, wanted);
    if (!runtime) return report_not_opened(runtime.status());
    const auto report = make_report(**runtime, options);
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
         {"prompt,p", "TEXT", "also the ids that this prompt becomes"},
         {"random-weights", "SHAPE", "the plan for this shape, without a checkpoint"},
         {"json", "", "for machines"},
         {"help,h", "", "this page"}},
        true,
        0,
        run};
    return command;
}

}  // namespace afs
