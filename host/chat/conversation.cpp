#include "chat/conversation.hpp"

#include "afs/weights/mapped_file.hpp"  // read_text_file

namespace afs {
namespace {

Result<Message> message_from(const json::Value& value, const std::string& file) {
    const std::string where = file + ":" + std::to_string(value.line) + ": ";
    const json::Value *role = value.find("role"), *content = value.find("content");
    if (!role || !role->is(json::Kind::string) || !content || !content->is(json::Kind::string))
        return invalid(where + "expected a message {\"role\": TEXT, \"content\": TEXT}, found " +
                       json::dump(value).substr(0, 80));
    if (role->string != "system" && role->string != "user" && role->string != "assistant")
        return invalid(where + "role is '" + role->string +
                       "', expected system, user or assistant");
    return Message{role->string, content->string};
}

}  // namespace

json::Value to_json(const Messages& messages) {
    json::Value list = json::Value::array();
    for (const Message& message : messages) {
        json::Value item = json::Value::object();
        item.add("role", json::Value::of(message.role));
        item.add("content", json::Value::of(message.content));
        list.add(std::move(item));
    }
    return list;
}

Result<Messages> read_messages(const std::filesystem::path& path) {
    AFS_ASSIGN(const std::string text, read_text_file(path));
    json::ParseOptions options;
    options.name = path.string();
    AFS_ASSIGN(const json::Value root, json::parse(text, options));
    const json::Value* list = root.is(json::Kind::object) ? root.find("messages") : &root;
    if (!list || !list->is(json::Kind::array))
        return invalid("cannot read '" + path.string() +
                       "': expected a list of messages, or an object with \"messages\"");
    Messages messages;
    for (const json::Value& item : list->items) {
        AFS_ASSIGN(Message message, message_from(item, options.name));
        messages.push_back(std::move(message));
    }
    return messages;
}

}  // namespace afs
