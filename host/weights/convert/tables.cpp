#include "weights/convert/tables.hpp"

#include "afs/json.hpp"
#include "afs/weights/mapped_file.hpp"

namespace afs::convert {
namespace {

std::string text_of(const json::Value& value, const char* key) {
    const json::Value* found = value.find(key);
    return found ? found->string : std::string();
}

bool flag_of(const json::Value& value, const char* key) {
    const json::Value* found = value.find(key);
    return found && found->boolean;
}

std::vector<std::string> texts_of(const json::Value* list) {
    std::vector<std::string> texts;
    if (list)
        for (const json::Value& item : list->items) texts.push_back(item.string);
    return texts;
}

}  // namespace

Family Tables::of_architecture(const std::string& name) const {
    for (const Family& family : families)
        if (family.architecture == name) return family;
    return {name, name, {}};
}

Family Tables::of_model_type(const std::string& name) const {
    for (const Family& family : families)
        if (family.model_type == name) return family;
    return {name, name, {}};
}

const PreTokenizer* Tables::pre_tokenizer(const std::string& name) const {
    for (const PreTokenizer& known : pre_tokenizers)
        if (known.name == name) return &known;
    return nullptr;
}

Result<Tables> read_tables(const std::filesystem::path& file) {
    AFS_ASSIGN(const std::string text, read_text_file(file));
    json::ParseOptions options;
    options.name = file.string();
    options.comments = true;
    AFS_ASSIGN(const json::Value root, json::parse(text, options));
    const json::Value *families = root.find("families"), *pre = root.find("pre_tokenizers");
    if (!families || !pre)
        return invalid("cannot read '" + file.string() +
                       "': expected \"families\" and \"pre_tokenizers\"");
    Tables tables;
    for (const json::Member& member : families->members)
        tables.families.push_back({member.key, text_of(member.value, "model_type"),
                                   texts_of(member.value.find("architectures"))});
    tables.banded_rope_type = text_of(root, "banded_rope_type");
    for (const json::Member& member : pre->members)
        tables.pre_tokenizers.push_back({member.key, text_of(member.value, "pattern"),
                                         flag_of(member.value, "single_digits"),
                                         flag_of(member.value, "ignore_merges")});
    tables.probes = texts_of(root.find("probes"));
    return tables;
}

}  // namespace afs::convert
