#include "chat/chat_format.hpp"

#include <algorithm>
#include <ctime>

#include "afs/config/schema.hpp"  // nearest
#include "afs/model.hpp"
#include "afs/tokenizer.hpp"
#include "chat/encode_parts.hpp"
#include "chat/recognise.hpp"

namespace afs {
namespace {

Result<std::string> text_of_token(Tokenizer& tokenizer, int32_t id) {
    if (id < 0) return std::string();
    TokenPiece piece;
    AFS_TRY(tokenizer.token(id, piece));
    return piece.bytes;
}

}  // namespace

uint32_t count_bos(const std::vector<int32_t>& ids, int32_t bos) {
    uint32_t n = 0;
    while (bos >= 0 && n < ids.size() && ids[n] == bos) ++n;
    return n;
}

std::string today() {
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t now = std::time(nullptr);
    std::tm local = {};
    localtime_r(&now, &local);
    char text[32];
    std::snprintf(text, sizeof text, "%02d %s %d", local.tm_mday, kMonths[local.tm_mon],
                  local.tm_year + 1900);
    return text;
}

Status ChatFormat::recognise(const std::string& names) {
    const std::string remedy = "; choose one with --chat-template: " + names;
    if (!source_.jinja) return unsupported("the checkpoint has no chat template" + remedy);
    auto found = recognise_template(*templates_, *source_.jinja, bos_, eos_);
    if (!found)
        return unsupported("the checkpoint's chat template is none that model plugin '" +
                           source_.family_name + "' writes: " + found.status().message() + remedy);
    name_ = found->name;
    opens_with_bos_ = found->opens_with_bos;
    default_system_ = found->default_system;
    recognised_ = true;
    return {};
}

Result<ChatFormat> ChatFormat::choose(ChatSource source, const std::string& name,
                                      const std::string& date) {
    ChatFormat format;
    format.templates_ = source.family->chat();
    if (!format.templates_)
        return unsupported("model plugin '" + source.family_name +
                           "' writes no chat templates: it cannot hold a conversation");
    AFS_ASSIGN(format.bos_, text_of_token(*source.tokenizer, source.tokenizer_info.bos_id));
    AFS_ASSIGN(format.eos_, text_of_token(*source.tokenizer, source.tokenizer_info.eos_id));
    format.source_ = std::move(source);
    const std::vector<ChatTemplateInfo> infos = format.templates_->list();
    std::string names;
    std::vector<std::string> known;
    for (const ChatTemplateInfo& info : infos) {
        known.push_back(info.name);
        names += (names.empty() ? "" : ", ") + info.name;
    }
    // Also where a template is named: if it is the checkpoint's own, so is its system message.
    const Status own = format.recognise(names);
    if (name.empty()) AFS_TRY(own);
    const std::string& wanted = name.empty() ? format.name_ : name;
    const auto info = std::find_if(infos.begin(), infos.end(),
                                   [&](const ChatTemplateInfo& i) { return i.name == wanted; });
    if (info == infos.end())
        return not_found("no chat template is called '" + name + "'" + nearest(name, known) +
                         "; --chat-template takes one of: " + names);
    if (wanted != format.name_) {
        format.name_ = wanted;
        format.opens_with_bos_ = (info->flags & AFS_CHAT_OPENS_WITH_BOS) != 0;
        format.default_system_.reset();
        format.recognised_ = false;
    }
    format.date_ = date;
    if (date.empty() && (info->flags & AFS_CHAT_NEEDS_DATE)) format.date_ = today();
    AFS_TRY(format.find_stops(info->stops));
    return format;
}

Status ChatFormat::find_stops(const std::vector<std::string>& stops) {
    for (const std::string& stop : stops) {
        AFS_ASSIGN(const int32_t id, marker_id(*source_.tokenizer, stop));
        if (id >= 0)
            stop_ids_.push_back(id);
        else
            stop_strings_.push_back(stop);
    }
    return {};
}

Result<ChatPrompt> ChatFormat::prompt(const Messages& messages, bool parse_special) const {
    ChatInput input;
    if (default_system_ && !begins_with_system(messages))
        input.messages.push_back({"system", *default_system_});
    for (const Message& message : messages)
        input.messages.push_back({message.role, message.content});
    if (opens_with_bos_) input.bos = bos_;
    input.eos = eos_;
    input.date = date_;
    std::vector<ChatPart> parts;
    AFS_TRY(templates_->write(name_, input, parts));
    ChatPrompt prompt;
    for (const ChatPart& part : parts) prompt.text += part.text;
    AFS_ASSIGN(prompt.ids, encode_parts(*source_.tokenizer, parts, parse_special));
    prompt.n_bos = count_bos(prompt.ids, source_.tokenizer_info.bos_id);
    return prompt;
}

}  // namespace afs
