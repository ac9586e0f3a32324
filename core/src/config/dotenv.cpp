#include <set>

#include "internal.hpp"

namespace afs::config {
namespace {

constexpr const char* kBlanks = " \t\r";

std::string trimmed(const std::string& text) {
    const size_t first = text.find_first_not_of(kBlanks);
    if (first == std::string::npos) return "";
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// 'as it is', "with \n \t \" \\", or bare up to " #".
Result<std::string> unquoted(const std::string& text, const std::string& origin) {
    if (text.empty() || (text[0] != '\'' && text[0] != '"')) {
        const size_t comment = text[0] == '#' ? 0 : text.find(" #");
        return trimmed(text.substr(0, comment));
    }
    const char quote = text[0];
    std::string out;
    size_t i = 1;
    for (; i < text.size() && text[i] != quote; ++i) {
        if (quote == '"' && text[i] == '\\' && i + 1 < text.size()) {
            const char next = text[++i];
            out += next == 'n' ? '\n' : next == 't' ? '\t' : next;
        } else {
            out += text[i];
        }
    }
    if (i >= text.size()) return invalid(origin + ": the quoted value has no closing " + quote);
    const std::string rest = trimmed(text.substr(i + 1));
    if (!rest.empty() && rest[0] != '#')
        return invalid(origin + ": text after the closing quote: '" + rest + "'");
    return out;
}

}  // namespace

Result<std::vector<EnvironmentLine>> parse_dotenv(const std::string& text,
                                                  const std::string& name) {
    std::vector<EnvironmentLine> lines;
    std::set<std::string> seen;
    size_t number = 0;
    for (size_t start = text.rfind("\xef\xbb\xbf", 0) == 0 ? 3 : 0; start < text.size();) {
        const size_t end = std::min(text.find('\n', start), text.size());
        std::string line = trimmed(text.substr(start, end - start));
        start = end + 1;
        ++number;
        if (line.rfind("export ", 0) == 0) line = trimmed(line.substr(7));
        if (line.rfind("AFS_", 0) != 0) continue;  // another program's, or a comment
        const std::string origin = name + ":" + std::to_string(number);
        const size_t equals = line.find('=');
        if (equals == std::string::npos)
            return invalid(origin + ": expected NAME=VALUE, found '" + line + "'");
        const std::string key = trimmed(line.substr(0, equals));
        if (!seen.insert(key).second) return invalid(origin + ": " + key + " is set twice");
        AFS_ASSIGN(std::string value, unquoted(trimmed(line.substr(equals + 1)), origin));
        lines.push_back({key, std::move(value), origin});
    }
    return lines;
}

}  // namespace afs::config
