// A conversation with a model: what was said, what of it is sent, and the next answer.
#pragma once
#include <string>
#include <vector>

#include "chat/chat_format.hpp"
#include "chat/conversation.hpp"
#include "commands/answer.hpp"

namespace afs {

class Runtime;

struct ChatOptions {
    uint32_t max_new_tokens = 0;  // of an answer; 0: what the context holds
    std::vector<std::string> stop_strings;
    bool parse_special = false;  // in messages
    bool print = true;           // answers to standard output as they come
};

// What one turn was, beside its text.
struct Turn {
    Answer answer;
    size_t n_prompt = 0;        // tokens of the prompt
    size_t n_turns_unsent = 0;  // oldest turns that are no longer sent, as of now
    bool dropped = false;       // this turn made them more
};

// What happens when the context is full: before a turn, the oldest turns (a user message and what
// follows it) are left out of the prompt until a quarter of the context, or max_new_tokens if that
// is less, is free for the answer. The system message always stays. What is left out stays in the
// history. A message that does not fit alone is refused and forgotten.
class ChatSession {
public:
    // runtime: with a chat template.
    ChatSession(Runtime& runtime, ChatOptions options)
        : runtime_(runtime), options_(std::move(options)) {}

    // The answer to a user message, both added to the history. INVALID: the message does not fit;
    // the history is then as before. An answer that was cancelled before its first token leaves
    // the history as before too.
    Result<Turn> say(std::string text);

    const Messages& messages() const { return messages_; }
    void replace(Messages messages);
    void reset();  // all but the system message is forgotten
    // The first message; "": none, and the checkpoint's default counts.
    void set_system(const std::string& text);
    const std::string& system() const;

private:
    Result<ChatPrompt> fitted_prompt(Turn& turn);
    Messages sent() const;
    bool drop_oldest_turn();

    Runtime& runtime_;
    const ChatOptions options_;
    Messages messages_;
    size_t first_sent_ = 0;  // of the messages behind the system message
};

}  // namespace afs
