#include "commands/answer.hpp"

#include <chrono>
#include <cstdio>

#include "chat/chat_format.hpp"  // count_bos
#include "commands/terminal.hpp"
#include "engine/text_stream.hpp"
#include "runtime/runtime.hpp"

namespace afs {
namespace {

using Clock = std::chrono::steady_clock;

Status run_steps(Runtime& runtime, const Request& request, const AnswerOptions& options,
                 Answer& answer) {
    Engine& engine = runtime.engine();
    const uint64_t processed_before = engine.stats().prompt_tokens;
    AFS_ASSIGN(const uint64_t id, engine.submit(request));
    TextStream text(runtime.tokenizer(), request.stop_strings, options.decode_flags);
    text.follow(request.prompt);
    Progress progress("reading the prompt");
    const auto start = Clock::now();
    while (!engine.idle()) {
        if (interrupted() && answer.finish != FinishReason::cancelled) {
            answer.finish = FinishReason::cancelled;
            AFS_TRY(engine.cancel(id));
        }
        AFS_ASSIGN(const std::vector<TokenEvent> events, engine.step());
        progress.update(engine.stats().prompt_tokens - processed_before, request.prompt.size());
        for (const TokenEvent& event : events) {
            progress.clear();
            if (event.finish != FinishReason::none) answer.finish = event.finish;
            if (event.id < 0) continue;
            if (answer.ids.empty())
                answer.first_token_seconds =
                    std::chrono::duration<double>(Clock::now() - start).count();
            answer.ids.push_back(event.id);
            if (options.on_token) options.on_token(event);
            if (event.finish == FinishReason::stop_id) continue;  // the end mark is not text
            AFS_ASSIGN(const std::string piece, text.push(event.id));
            answer.text += piece;
            if (options.print) AFS_TRY(write_out(piece));
        }
    }
    const std::string rest = text.finish();
    answer.text += rest;
    return options.print ? write_out(rest) : Status();
}

}  // namespace

Status stream_answer(Runtime& runtime, const Request& request, const AnswerOptions& options,
                     Answer& answer) {
    if (count_bos(request.prompt, runtime.tokenizer_info().bos_id) > 1)
        std::fputs("afs-host: warning: the prompt begins with BOS twice\n", stderr);
    const EngineStats before = runtime.engine().stats();
    Status status = run_steps(runtime, request, options, answer);
    const EngineStats after = runtime.engine().stats();
    answer.prompt_tokens = after.prompt_tokens - before.prompt_tokens;
    answer.prefill_seconds = after.prefill_seconds - before.prefill_seconds;
    answer.decode_seconds = after.decode_seconds - before.decode_seconds;
    return status.ok() ? runtime.check_weights_unchanged() : status;
}

std::string speeds(const Answer& answer) {
    const auto rate = [](uint64_t tokens, double seconds) {
        return seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0;
    };
    char text[160];
    std::snprintf(text, sizeof text,
                  "prompt %llu tokens, %.1f tok/s; generated %zu tokens, %.1f tok/s",
                  static_cast<unsigned long long>(answer.prompt_tokens),
                  rate(answer.prompt_tokens, answer.prefill_seconds), answer.ids.size(),
                  rate(answer.ids.size() - (answer.ids.empty() ? 0 : 1), answer.decode_seconds));
    return text;
}

}  // namespace afs
