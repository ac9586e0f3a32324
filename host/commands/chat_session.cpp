#include "commands/chat_session.hpp"

#include <algorithm>

#include "runtime/runtime.hpp"

namespace afs {

void ChatSession::replace(Messages messages) {
    messages_ = std::move(messages);
    first_sent_ = 0;
}

void ChatSession::reset() {
    messages_.resize(begins_with_system(messages_) ? 1 : 0);
    first_sent_ = 0;
}

void ChatSession::set_system(const std::string& text) {
    if (begins_with_system(messages_)) messages_.erase(messages_.begin());
    if (!text.empty()) messages_.insert(messages_.begin(), {"system", text});
}

const std::string& ChatSession::system() const {
    static const std::string none;
    return begins_with_system(messages_) ? messages_.front().content : none;
}

Messages ChatSession::sent() const {
    const size_t start = begins_with_system(messages_) ? 1 : 0;
    Messages out(messages_.begin(), messages_.begin() + static_cast<ptrdiff_t>(start));
    out.insert(out.end(), messages_.begin() + static_cast<ptrdiff_t>(start + first_sent_),
               messages_.end());
    return out;
}

// False: only the last turn is left.
bool ChatSession::drop_oldest_turn() {
    const size_t start = begins_with_system(messages_) ? 1 : 0;
    for (size_t i = start + first_sent_ + 1; i < messages_.size(); ++i)
        if (messages_[i].role == "user") {
            first_sent_ = i - start;
            return true;
        }
    return false;
}

Result<ChatPrompt> ChatSession::fitted_prompt(Turn& turn) {
    const uint32_t context = runtime_.engine().stats().max_context;
    const uint32_t most = options_.max_new_tokens ? options_.max_new_tokens : context;
    const size_t room = std::min(most, context / 4);
    for (;;) {
        AFS_ASSIGN(ChatPrompt prompt, runtime_.chat()->prompt(sent(), options_.parse_special));
        if (prompt.ids.size() + room <= context) return prompt;
        if (drop_oldest_turn()) {
            turn.dropped = true;
            continue;
        }
        if (prompt.ids.size() <= context) return prompt;
        return invalid("the message makes a prompt of " + std::to_string(prompt.ids.size()) +
                       " tokens, the context holds " + std::to_string(context) +
                       ": shorten it or the system message, or raise --max-context");
    }
}

Result<Turn> ChatSession::say(std::string text) {
    const Messages messages_before = messages_;
    const size_t first_before = first_sent_;
    const auto undo = [&] {
        messages_ = messages_before;
        first_sent_ = first_before;
    };
    messages_.push_back({"user", std::move(text)});
    Turn turn;
    auto prompt = fitted_prompt(turn);
    if (!prompt) {
        undo();
        return prompt.status();
    }
    turn.n_prompt = prompt->ids.size();
    Request request;
    request.prompt = std::move(prompt->ids);
    request.sampling = runtime_.sampling();
    request.max_new_tokens =
        options_.max_new_tokens ? options_.max_new_tokens : runtime_.engine().stats().max_context;
    request.n_vocab = static_cast<int32_t>(runtime_.tokenizer_info().n_vocab);
    request.keep_cache = true;  // the next turn begins with this one
    request.stop_ids = runtime_.stop_ids();
    const auto& stop_ids = runtime_.chat()->stop_ids();
    request.stop_ids.insert(request.stop_ids.end(), stop_ids.begin(), stop_ids.end());
    request.stop_strings = options_.stop_strings;
    const auto& stop_strings = runtime_.chat()->stop_strings();
    request.stop_strings.insert(request.stop_strings.end(), stop_strings.begin(),
                                stop_strings.end());
    AnswerOptions how;
    how.print = options_.print;
    how.decode_flags = AFS_DECODE_SKIP_SPECIAL;
    const Status status = stream_answer(runtime_, request, how, turn.answer);
    if (!status.ok() ||
        (turn.answer.finish == FinishReason::cancelled && turn.answer.ids.empty())) {
        undo();
        if (!status.ok()) return status;
        return turn;
    }
    messages_.push_back({"assistant", turn.answer.text});
    const auto unsent = messages_.begin() + (begins_with_system(messages_) ? 1 : 0);
    turn.n_turns_unsent = static_cast<size_t>(
        std::count_if(unsent, unsent + static_cast<ptrdiff_t>(first_sent_),
                      [](const Message& message) { return message.role == "user"; }));
    return turn;
}

}  // namespace afs
