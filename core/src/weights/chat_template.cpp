#include "chat_template.hpp"

#include "afs/json.hpp"
#include "afs/weights/mapped_file.hpp"

namespace afs {
namespace fs = std::filesystem;
namespace {

// The text of one value of "chat_template"; nullptr: it is neither of the two forms.
const json::Value* default_template(const json::Value& value) {
    static const json::Value none;
    if (value.is(json::Kind::string)) return &value;
    if (!value.is(json::Kind::array)) return nullptr;
    const json::Value* found = &none;
    for (const json::Value& item : value.items) {
        const json::Value *name = item.find("name"), *text = item.find("template");
        if (!name || !text || !name->is(json::Kind::string) || !text->is(json::Kind::string))
            return nullptr;
        if (name->string == "default") found = text;
    }
    return found;
}

}  // namespace

Result<std::optional<std::string>> read_chat_template(const fs::path& folder) {
    const fs::path text = folder / "chat_template.jinja", config = folder / "tokenizer_config.json";
    std::optional<std::string> none;
    AFS_ASSIGN(const bool has_text, file_exists(text));
    if (has_text) {
        AFS_ASSIGN(std::string jinja, read_text_file(text));
        return std::optional<std::string>(std::move(jinja));
    }
    AFS_ASSIGN(const bool has_config, file_exists(config));
    if (!has_config) return none;
    json::ParseOptions options;
    options.name = config.string();
    AFS_ASSIGN(const std::string bytes, read_text_file(config));
    AFS_ASSIGN(const json::Value root, json::parse(bytes, options));
    const json::Value* value = root.find("chat_template");
    if (!value || value->is(json::Kind::null)) return none;
    const json::Value* chosen = default_template(*value);
    if (!chosen)
        return invalid(options.name + ":" + std::to_string(value->line) +
                       ": chat_template must be a text or a list of {name, template}, found " +
                       json::dump(*value).substr(0, 100));
    return chosen->is(json::Kind::string) ? std::optional<std::string>(chosen->string) : none;
}

}  // namespace afs
