// chat: a conversation on a terminal or from a script, in the checkpoint's chat template.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "afs/weights/mapped_file.hpp"  // read_text_file
#include "commands/chat_commands.hpp"
#include "commands/chat_session.hpp"
#include "commands/command.hpp"
#include "commands/message_reader.hpp"
#include "commands/terminal.hpp"
#include "runtime/open_chat.hpp"
#include "runtime/runtime.hpp"
#include "runtime/shown_text.hpp"

namespace afs {
namespace {

struct Chat {
    Runtime& runtime;
    ChatSession& session;
    ChatRecord record;
    bool json, quiet;
};

std::string as_json(const Turn& turn) {
    const nlohmann::ordered_json json = {{"role", "assistant"},
                                         {"content", turn.answer.text},
                                         {"ids", turn.answer.ids},
                                         {"finish", finish_reason_name(turn.answer.finish)},
                                         {"prompt_tokens", turn.n_prompt},
                                         {"processed_tokens", turn.answer.prompt_tokens},
                                         {"turns_not_sent", turn.n_turns_unsent},
                                         {"prefill_seconds", turn.answer.prefill_seconds},
                                         {"decode_seconds", turn.answer.decode_seconds}};
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Status say(Chat& chat, const std::string& text) {
    const auto turn = chat.session.say(text);
    if (!turn) return turn.status();
    AFS_TRY(write_out(chat.json ? as_json(*turn) : "\n"));
    if (chat.quiet) return {};
    std::fprintf(stderr, "[%s; %zu of %u tokens of context; ended by %s]\n",
                 speeds(turn->answer).c_str(), turn->n_prompt + turn->answer.ids.size(),
                 chat.runtime.engine().stats().max_context,
                 finish_reason_name(turn->answer.finish));
    if (turn->dropped)
        std::fprintf(stderr,
                     "[the context is full: the %zu oldest turns are no longer sent; /save keeps "
                     "them]\n",
                     turn->n_turns_unsent);
    return {};
}

bool is_command(const std::string& line) {
    return line.starts_with('/') && !line.starts_with("//");
}

// A line that is a command, or a message. False: leave.
Result<bool> take(Chat& chat, const std::string& line) {
    if (line.empty()) return true;
    if (!is_command(line)) {
        AFS_TRY(say(chat, line[0] == '/' ? line.substr(1) : line));
        return true;
    }
    AFS_ASSIGN(const CommandResult done, run_chat_command(chat.session, chat.record, line));
    if (!done.text.empty()) std::fprintf(stderr, "%s\n", done.text.c_str());
    return !done.quit;
}

// Until the input or the user ends it; the exit code.
int converse(Chat& chat, MessageReader& reader, bool on_terminal) {
    bool failed = false;
    for (int n_stopped = 0;;) {
        const auto line = reader.next();
        if (!line) {
            if (on_terminal) std::fputc('\n', stderr);
            return interrupted() ? 128 + interrupted() : report_failure(line.status(), kFailed);
        }
        if (!*line) break;
        const auto go_on = take(chat, **line);
        if (interrupted()) {
            // The first stops the answer; on a script's way the second leaves, whenever it comes.
            if (interrupted() != SIGINT || (++n_stopped > 1 && !on_terminal))
                return 128 + interrupted();
            clear_interrupt();
            std::fputs("[stopped]\n", stderr);
        }
        if (!go_on) {
            report_failure(go_on.status(), kFailed);
            failed = true;
            // A command that failed (/save on a full disk) or a message that was wrong leaves the
            // conversation as it was.
            const Code code = go_on.status().code();
            if (!is_command(**line) && code != Code::invalid && code != Code::not_found)
                return kFailed;
        } else if (!*go_on) {
            break;
        }
    }
    return failed && !on_terminal ? kFailed : kDone;
}

// The system message or conversation that the command line begins with.
Result<Messages> first_messages(const ParsedOptions& options) {
    if (options.has("load")) return read_messages(options.text("load"));
    std::string text = options.text("system");
    if (options.has("system-file")) {
        AFS_ASSIGN(text, read_text_file(options.text("system-file")));
        if (text.ends_with('\n')) text.pop_back();
    }
    if (text.empty() && !options.has("system")) return Messages();
    return Messages{{"system", text}};
}

Result<ChatOptions> read_chat_options(const ParsedOptions& options) {
    ChatOptions chat;
    AFS_ASSIGN(const uint64_t most, options.number("max-tokens", 0, 1, 1u << 30));
    chat.max_new_tokens = static_cast<uint32_t>(most);
    chat.stop_strings = options.all("stop");
    chat.parse_special = options.has("special");
    chat.print = !options.has("json");
    return chat;
}

void greet(const Config& config, const Runtime& runtime, const ChatSession& session,
           bool on_terminal) {
    std::fprintf(stderr, "[%s]\n[chat template %s", runtime.model_origin().c_str(),
                 describe_chat_format(config, *runtime.chat()).c_str());
    const auto& own = runtime.chat()->default_system();
    if (own && !begins_with_system(session.messages()))
        std::fprintf(stderr, "; its system message: %s", shown_text(*own).c_str());
    std::fputs("]\n", stderr);
    if (on_terminal) std::fputs("[/help lists commands, Ctrl-D leaves]\n", stderr);
}

int run_chat(const Command&, const ParsedOptions& options) {
    catch_interrupts();
    const auto wanted = read_chat_options(options);
    if (!wanted) return report_failure(wanted.status(), kUsage);
    auto messages = first_messages(options);
    if (!messages) return report_bad_input(messages.status());
    auto config = open_config(options);
    if (config && config->origin("engine.max_sequences") == "default")
        config = config->with({{"engine.max_sequences", "1", "chat"}});
    if (!config) return report_bad_input(config.status());
    RuntimeOptions runtime_options;
    runtime_options.chat = true;
    const auto runtime = Runtime::open(*config, runtime_options);
    if (!runtime) return report_not_opened(runtime.status());
    ChatSession session(**runtime, *wanted);
    session.replace(std::move(*messages));
    const bool on_terminal = isatty(STDIN_FILENO) == 1 && !options.has("prompt");
    Chat chat{**runtime,
              session,
              {(*runtime)->model_name(), (*runtime)->chat()->name(), (*runtime)->chat()->date()},
              options.has("json"),
              options.has("quiet")};
    if (!chat.quiet) greet(*config, **runtime, session, on_terminal);
    MessageReader reader(options.all("prompt"), on_terminal);
    return converse(chat, reader, on_terminal);
}

}  // namespace

const Command& chat_command() {
    static const Command command = {
        "chat",
        "a conversation with a model, in its checkpoint's chat template",
        "afs-host chat [options]     each line of standard input is a message",
        "echo \"Hello\" | afs-host chat --model-plugin llama3 --chat-template chatml -n 40",
        {{"prompt,p", "TEXT", "a message instead of standard input; may be repeated"},
         {"system", "TEXT",
          "the system message; without it the chat template's own, if it has one"},
         {"system-file", "FILE", "the system message from a file, less its last line end"},
         {"load", "FILE", "go on with a conversation that /save wrote"},
         {"max-tokens,n", "N",
          "at most this many tokens an answer (default: what the context holds)"},
         {"stop", "TEXT", "end an answer before this text; may be repeated"},
         {"special", "", "special tokens written in messages become their ids"},
         {"json", "", "a line of JSON for each answer"},
         {"quiet,q", "", "nothing but the answers"},
         {"help,h", "", "this page"}},
        true,
        0,
        run_chat,
        {excludes("system", {"system-file", "load"}), excludes("system-file", {"load"})}};
    return command;
}

}  // namespace afs
