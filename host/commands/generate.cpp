// generate, the default verb: text from a prompt, streamed.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "afs/tokenizer.hpp"
#include "commands/answer.hpp"
#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "doctor/recorded_run.hpp"  // used_plugins
#include "report/json_list.hpp"
#include "runtime/open_model.hpp"
#include "runtime/runtime.hpp"

namespace afs {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

Result<std::string> read_prompt(const ParsedOptions& options) {
    if (options.has("prompt")) return options.text("prompt");
    if (options.has("file")) return read_input_file(options.text("file"));
    if (isatty(STDIN_FILENO) == 1) std::fputs("prompt (end with Ctrl-D): ", stderr);
    return read_standard_input();
}

nlohmann::ordered_json logprob_entry(const TokenEvent& event) {
    nlohmann::ordered_json entry = {{"id", event.id}, {"logprob", event.logprob}};
    if (!event.top.empty())
        entry["top"] = json_list(event.top, [](const auto& other) -> nlohmann::ordered_json {
            return {{"id", other.first}, {"logprob", other.second}};
        });
    return entry;
}

void print_statistics(const Runtime& runtime, const Answer& answer, double ready_seconds) {
    const std::string kernels = runtime.plan().kernels();
    std::fprintf(
        stderr, "\n[%s on %s: %s; ready in %.0f ms, first token %.0f ms later; ended by %s]\n",
        runtime.model_name().c_str(), kernels.c_str(), speeds(answer).c_str(), ready_seconds * 1e3,
        answer.first_token_seconds * 1e3, finish_reason_name(answer.finish));
}

// A record that `report --replay` runs again: see doctor/recorded_run.hpp.
std::string as_json(const Runtime& runtime, const Config& config, const std::string& prompt,
                    const Request& request, const Answer& out,
                    const nlohmann::ordered_json& logprobs) {
    nlohmann::ordered_json plugins = nlohmann::ordered_json::array();
    for (const UsedPlugin& plugin : used_plugins(runtime.plan()))
        plugins.push_back(
            {{"name", plugin.name}, {"version", plugin.version}, {"sha256", plugin.sha256}});
    const auto settings = nlohmann::ordered_json::parse(render_for_others(config));
    nlohmann::ordered_json json = {{"model", runtime.model_name()},
                                   {"plan", runtime.plan().id},
                                   {"dtype", runtime.dtype()},
                                   {"prompt", prompt},
                                   {"prompt_ids", request.prompt},
                                   {"text", out.text},
                                   {"ids", out.ids},
                                   {"finish", finish_reason_name(out.finish)},
                                   {"seed", request.sampling.seed},
                                   {"max_tokens", request.max_new_tokens},
                                   {"stop", request.stop_strings},
                                   {"ignore_stop", request.stop_ids.empty()},
                                   {"prefill_seconds", out.prefill_seconds},
                                   {"decode_seconds", out.decode_seconds},
                                   {"first_token_seconds", out.first_token_seconds},
                                   {"plugins", plugins},
                                   {"config", settings}};
    if (request.n_logprobs >= 0) json["logprobs"] = logprobs;
    return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

// What the command line alone decides; wrong numbers show before anything is loaded.
Result<Request> read_request(const ParsedOptions& options) {
    Request request;
    AFS_ASSIGN(const uint64_t max_tokens, options.number("max-tokens", 256, 0, 1u << 30));
    AFS_ASSIGN(const uint64_t n_logprobs, options.number("logprobs", 0, 0, 100));
    request.max_new_tokens = static_cast<uint32_t>(max_tokens);
    request.n_logprobs = options.has("logprobs") ? static_cast<int32_t>(n_logprobs) : -1;
    request.stop_strings = options.all("stop");
    return request;
}

// What model and tokenizer add to it.
Status complete_request(Runtime& runtime, const ParsedOptions& options, const std::string& prompt,
                        Request& request) {
    const uint32_t special = options.has("special") ? uint32_t{AFS_ENCODE_PARSE_SPECIAL} : 0u;
    AFS_TRY(runtime.tokenizer()->encode(prompt, AFS_ENCODE_ADD_SPECIAL | special, request.prompt));
    if (request.prompt.empty())
        return invalid("the prompt is empty: give text with --prompt, --file or standard input");
    request.n_vocab = static_cast<int32_t>(runtime.tokenizer_info().n_vocab);
    request.sampling = runtime.sampling();
    if (!options.has("ignore-stop")) request.stop_ids = runtime.stop_ids();
    return {};
}

int run_generate(const Command&, const ParsedOptions& options) {
    catch_interrupts();
    const auto start = Clock::now();
    auto request = read_request(options);
    if (!request) return report_failure(request.status(), kUsage);
    auto config = open_config(options);
    // One sequence is all this verb runs: no cache for more unless the user asks for it.
    if (config && config->origin("engine.max_sequences") == "default")
        config = config->with({{"engine.max_sequences", "1", "generate"}});
    if (!config) return report_bad_input(config.status());
    auto runtime = Runtime::open(*config);
    if (!runtime) return report_not_opened(runtime.status());
    const double ready_seconds = seconds_since(start);
    const bool quiet = options.has("quiet"), json = options.has("json");
    if (!quiet) std::fprintf(stderr, "[%s]\n", (*runtime)->model_origin().c_str());
    if (options.has("verbose"))
        std::fprintf(stderr, "[ready: %s]\n", phases_text((*runtime)->phases()).c_str());

    auto prompt = read_prompt(options);
    if (!prompt)
        return interrupted() ? 128 + interrupted() : report_bad_input(prompt.status(), kFailed);
    Status status = complete_request(**runtime, options, *prompt, *request);
    if (!status.ok()) return report_failure(status, kFailed);
    const bool echo = !json && !options.has("no-echo");
    Answer out;
    nlohmann::ordered_json logprobs = nlohmann::ordered_json::array();
    AnswerOptions how;
    how.print = !json;
    if (request->n_logprobs >= 0)
        how.on_token = [&](const TokenEvent& event) { logprobs.push_back(logprob_entry(event)); };
    if (echo) status = write_out(*prompt);
    if (status.ok()) status = stream_answer(**runtime, *request, how, out);
    if (status.ok())
        status =
            write_out(json ? as_json(**runtime, *config, *prompt, *request, out, logprobs) : "\n");
    if (!quiet) print_statistics(**runtime, out, ready_seconds);
    if (interrupted()) return 128 + interrupted();
    return status.ok() ? kDone : report_failure(status, kFailed);
}

}  // namespace

const Command& generate_command() {
    static const Command command = {
        "generate",
        "continues a prompt, streamed to standard output",
        "afs-host [generate] [options]          standard input is the prompt without --prompt",
        "echo \"Once upon a time\" | afs-host --model-plugin olmo2 --kernels reference",
        {{"prompt,p", "TEXT", "the prompt; without it standard input, less its last line end"},
         {"file,f", "FILE", "read the prompt from this file, as it is"},
         {"max-tokens,n", "N", "at most this many new tokens (default 256)"},
         {"stop", "TEXT", "end before this text appears; may be repeated"},
         {"ignore-stop", "", "go on past the checkpoint's own end marks"},
         {"special", "", "special tokens written in the prompt become their ids"},
         {"logprobs", "N", "log-probabilities of each token and of the N likeliest; with --json"},
         {"no-echo", "", "print only the new text, without the prompt"},
         {"json", "", "one JSON object with prompt, text, ids and times"},
         {"quiet,q", "", "nothing but the text"},
         {"help,h", "", "this page"}},
        true,
        0,
        run_generate,
        {excludes("prompt", {"file"}), needs("logprobs", {"json"}, "text has no place for them")}};
    return command;
}

}  // namespace afs
