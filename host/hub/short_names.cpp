#include "hub/short_names.hpp"

#include "afs/config/schema.hpp"  // nearest
#include "afs/json.hpp"
#include "afs/weights/mapped_file.hpp"

namespace afs::hub {
namespace fs = std::filesystem;
namespace {

bool is_repository(const std::string& text) {
    const size_t slash = text.find('/');
    if (slash == 0 || slash == std::string::npos || slash + 1 == text.size()) return false;
    if (text.find('/', slash + 1) != std::string::npos) return false;
    for (const char c : text) {
        const bool word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && c != '-' && c != '_' && c != '.' && c != '/') return false;
    }
    return text[0] != '.' && text[slash + 1] != '.' && text.find("..") == std::string::npos;
}

}  // namespace

Result<std::vector<ShortName>> read_short_names(const fs::path& file) {
    AFS_ASSIGN(const std::string text, read_text_file(file));
    json::ParseOptions options;
    options.name = file.string();
    options.comments = true;
    AFS_ASSIGN(const json::Value root, json::parse(text, options));
    std::vector<ShortName> names;
    for (const json::Member& member : root.members) {
        const json::Value* repository = member.value.find("repository");
        const json::Value* gated = member.value.find("gated");
        if (!repository || !is_repository(repository->string))
            return invalid(file.string() + ":" + std::to_string(member.line) + ": '" + member.key +
                           "' must have a \"repository\": \"ORG/NAME\"");
        names.push_back({member.key, repository->string, gated && gated->boolean});
    }
    return names;
}

Result<ShortName> find_repository(const std::string& asked, const std::vector<ShortName>& known) {
    std::vector<std::string> names;
    std::string list;
    for (const ShortName& name : known) {
        if (name.name == asked) return name;
        names.push_back(name.name);
        list += (list.empty() ? "" : ", ") + name.name;
    }
    if (is_repository(asked)) return ShortName{asked.substr(asked.find('/') + 1), asked, false};
    return invalid("expected ORG/NAME or one of " + list + "; found '" + asked + "'" +
                   nearest(asked, names));
}

}  // namespace afs::hub
