// What a line of a chat that begins with "/" does.
#pragma once
#include <string>

#include "commands/chat_session.hpp"

namespace afs {

struct ChatRecord {  // what a saved conversation says beside its messages
    std::string model, chat_template, date;
};

struct CommandResult {
    std::string text;   // for the user
    bool quit = false;  // leave the chat
};

// line: with its "/". INVALID: an unknown command (with the nearest), or wrong use of one.
Result<CommandResult> run_chat_command(ChatSession& session, const ChatRecord& record,
                                       const std::string& line);

}  // namespace afs
