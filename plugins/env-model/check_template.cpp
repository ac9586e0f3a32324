// The chat template: there, its marks in pairs, the special tokens it writes known to the
// tokenizer.
#include <set>

#include "checks.hpp"

namespace env_model {
namespace {

struct Found {
    std::string text, source;
};

// tokenizer_config.json has a text, or a list of named ones, of which "default" counts.
std::string in_config(const Json* config) {
    const Json* entry = member(config, "chat_template");
    if (entry && entry->is_string()) return entry->get<std::string>();
    std::string first;
    if (entry && entry->is_array())
        for (const Json& one : *entry) {
            if (text_of(&one, "name") == "default") return text_of(&one, "template");
            if (first.empty()) first = text_of(&one, "template");
        }
    return first;
}

Found find_template(const ActiveModel& model) {
    if (model.gguf) {
        const auto found = model.header.texts.find("tokenizer.chat_template");
        return found == model.header.texts.end() ? Found{} : Found{found->second, "GGUF metadata"};
    }
    const auto file = read_text(model.tokenizer_config.path.parent_path() / "chat_template.jinja",
                                uint64_t{4} << 20);
    if (file) return {*file, "chat_template.jinja"};
    if (!model.tokenizer_config.value) return {};
    return {in_config(&*model.tokenizer_config.value), "tokenizer_config.json"};
}

size_t count(const std::string& text, const std::string& mark) {
    size_t n = 0;
    for (size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += mark.size()) ++n;
    return n;
}

// "<|im_start|>" and its like.
std::set<std::string> special_in(const std::string& text) {
    std::set<std::string> out;
    for (size_t at = 0; (at = text.find("<|", at)) != std::string::npos;) {
        const size_t end = text.find("|>", at);
        if (end == std::string::npos) break;
        const std::string token = text.substr(at, end + 2 - at);
        // Names only: "<|" + role + "|>" is put together by the template.
        if (token.find_first_of(" '\"+{}\n") == std::string::npos) out.insert(token);
        at += 2;
    }
    return out;
}

}  // namespace

Findings check_template(const Look& look) {
    if (!look.model.there) return {};
    const Found found = find_template(look.model);
    if (found.text.empty())
        return {{AFS_CHECK_INFO, "template", "none: this is a base model", "",
                 "to chat all the same, name one: afs-host chat --chat-template chatml"}};
    Findings out = {{AFS_CHECK_OK, "template",
                     std::to_string(found.text.size()) + " bytes in " + found.source, "", ""}};
    for (const auto& [open, close] : {std::pair{"{%", "%}"}, {"{#", "#}"}})
        if (count(found.text, open) != count(found.text, close))
            out.push_back({AFS_CHECK_FAIL, "template.marks",
                           std::to_string(count(found.text, open)) + " " + open + ", " +
                               std::to_string(count(found.text, close)) + " " + close,
                           "as many of each", "the template is cut short: fetch the file again"});
    if (!look.vocabulary.known || look.model.gguf) return out;
    for (const std::string& token : special_in(found.text))
        if (look.vocabulary.find(token) < 0)
            out.push_back({AFS_CHECK_WARN, "template.tokens", "'" + token + "' is no token",
                           "a token of " + look.vocabulary.source,
                           "the model never saw this mark: take template and tokenizer together"});
    return out;
}

}  // namespace env_model
