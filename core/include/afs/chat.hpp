// The abstract class of a family's chat templates; see afs/abi/chat.h for what each field means.
// C++17.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "afs/abi/chat.h"
#include "afs/status.hpp"

namespace afs {

struct ChatPart {
    int32_t kind = AFS_CHAT_TEXT;
    std::string text;
};

struct ChatTemplateInfo {
    std::string name;
    uint32_t flags = 0;              // AFS_CHAT_OPENS_WITH_BOS, ..
    std::vector<std::string> stops;  // markers that end an answer beside EOS
};

struct ChatMessage {
    std::string_view role, content;
};

struct ChatInput {
    std::vector<ChatMessage> messages;
    std::string bos, eos, date;  // empty: none
    bool add_generation_prompt = true;
};

class ChatTemplates {
public:
    virtual ~ChatTemplates() = default;
    virtual std::vector<ChatTemplateInfo> list() = 0;
    // Replaces the contents of parts.
    virtual Status write(const std::string& name, const ChatInput& input,
                         std::vector<ChatPart>& parts) = 0;
};

}  // namespace afs
