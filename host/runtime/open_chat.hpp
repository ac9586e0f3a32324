// The chat side of opening a runtime.
#pragma once
#include "chat/chat_format.hpp"
#include "runtime/open_model.hpp"
#include "runtime/open_tokenizer.hpp"

namespace afs {

// chat.template by name, or the checkpoint's own, recognised; chat.date_string. model: of a
// checkpoint.
Result<ChatFormat> open_chat_format(const Config& config, const OpenedModel& model,
                                    const OpenedTokenizer& tokenizer);

// "chatml, recognised" or "llama3.2 (command line --chat-template), date 26 Jul 2024".
std::string describe_chat_format(const Config& config, const ChatFormat& format);

}  // namespace afs
