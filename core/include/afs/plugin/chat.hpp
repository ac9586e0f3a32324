// What a family writes its chat templates with: each is one function, and a set of them is the
// family's afs.chat/1.
//   Status write_mine(const afs::ChatInput& in, afs::ChatWriter& out) {
//       for (const afs::ChatMessage& m : in.messages) out.marker("<|turn|>").content(m.content);
//       return {};
//   }
//   afs::ChatTemplates* chat() override {
//       static afs::ChatTemplateSet set({{"mine", 0, {"<|turn|>"}, write_mine}});
//       return &set;
//   }
// ChatML stands here because checkpoints of every family use it. C++17.
#pragma once
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "afs/chat.hpp"

namespace afs {

// Appends parts; empty ones are left out.
class ChatWriter {
public:
    explicit ChatWriter(std::vector<ChatPart>& parts) : parts_(parts) {}
    ChatWriter& text(std::string_view words) { return put(AFS_CHAT_TEXT, words); }
    ChatWriter& marker(std::string_view token) { return put(AFS_CHAT_MARKER, token); }
    ChatWriter& content(std::string_view words) { return put(AFS_CHAT_CONTENT, words); }

private:
    ChatWriter& put(int32_t kind, std::string_view words) {
        if (!words.empty()) parts_.push_back({kind, std::string(words)});
        return *this;
    }
    std::vector<ChatPart>& parts_;
};

struct ChatTemplate {
    ChatTemplateInfo info;
    // Roles are known and there is a message, and a date where the template needs one.
    void (*write)(const ChatInput& in, ChatWriter& out);
};

class ChatTemplateSet final : public ChatTemplates {
public:
    explicit ChatTemplateSet(std::vector<ChatTemplate> templates)
        : templates_(std::move(templates)) {}

    std::vector<ChatTemplateInfo> list() override {
        std::vector<ChatTemplateInfo> infos;
        for (const ChatTemplate& known : templates_) infos.push_back(known.info);
        return infos;
    }

    Status write(const std::string& name, const ChatInput& in,
                 std::vector<ChatPart>& parts) override {
        const ChatTemplate* chosen = nullptr;
        std::string names;
        for (const ChatTemplate& known : templates_) {
            if (known.info.name == name) chosen = &known;
            names += (names.empty() ? "" : ", ") + known.info.name;
        }
        if (!chosen)
            return not_found("no chat template is called '" + name + "'; there are: " + names);
        if (in.messages.empty()) return invalid("cannot write a conversation without messages");
        for (const ChatMessage& message : in.messages)
            if (message.role != "system" && message.role != "user" && message.role != "assistant")
                return invalid("cannot write a message of role '" + std::string(message.role) +
                               "': expected system, user or assistant");
        if ((chosen->info.flags & AFS_CHAT_NEEDS_DATE) != 0 && in.date.empty())
            return invalid("chat template '" + name + "' writes a date and was given none");
        parts.clear();
        ChatWriter out(parts);
        chosen->write(in, out);
        return {};
    }

private:
    std::vector<ChatTemplate> templates_;
};

inline void write_chatml(const ChatInput& in, ChatWriter& out) {
    const auto open = [&out](std::string_view role) {
        out.marker("<|im_start|>").text(role).text("\n");
    };
    out.marker(in.bos);
    for (const ChatMessage& message : in.messages) {
        open(message.role);
        out.content(message.content).marker("<|im_end|>").text("\n");
    }
    if (in.add_generation_prompt) open("assistant");
}

inline ChatTemplate chatml() {
    return {{"chatml", AFS_CHAT_BOS_IS_FREE, {"<|im_end|>"}}, write_chatml};
}

}  // namespace afs
