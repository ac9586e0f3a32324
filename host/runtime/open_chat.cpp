#include "runtime/open_chat.hpp"

namespace afs {

Result<ChatFormat> open_chat_format(const Config& config, const OpenedModel& model,
                                    const OpenedTokenizer& tokenizer) {
    ChatSource source;
    source.family = model.plugin;
    source.family_name = model.plugin_name;
    source.jinja = model.checkpoint->chat_template();
    source.tokenizer = tokenizer.plugin;
    source.tokenizer_info = tokenizer.info;
    auto format = ChatFormat::choose(std::move(source), config.text("chat.template"),
                                     config.text("chat.date_string"));
    if (!format) return format.status().context("cannot chat with " + model.origin);
    return format;
}

std::string describe_chat_format(const Config& config, const ChatFormat& format) {
    std::string text = format.name();
    text += config.text("chat.template").empty() ? ", recognised"
                                                 : " (" + config.origin("chat.template") + ")";
    if (!format.date().empty()) text += ", date " + format.date();
    return text;
}

}  // namespace afs
