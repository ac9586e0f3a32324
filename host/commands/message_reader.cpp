#include "commands/message_reader.hpp"

#include <unistd.h>

#include <cstdio>

namespace afs {
namespace {
constexpr std::string_view kFence = "\"\"\"";
}

MessageReader::MessageReader(std::vector<std::string> given, bool ask)
    : given_(std::move(given)), from_input_(given_.empty()), ask_(ask), reader_(STDIN_FILENO) {}

Result<std::optional<std::string>> MessageReader::read_line(const char* prompt) {
    if (ask_) std::fputs(prompt, stderr);
    AFS_ASSIGN(std::optional<std::string> line, reader_.next());
    if (line && line->ends_with('\r')) line->pop_back();
    return line;
}

Result<std::optional<std::string>> MessageReader::next() {
    if (!from_input_) {
        if (at_ == given_.size()) return std::optional<std::string>();
        return std::optional<std::string>(given_[at_++]);
    }
    AFS_ASSIGN(std::optional<std::string> line, read_line("> "));
    if (!line || !line->starts_with(kFence)) return line;
    std::string text = line->substr(kFence.size());
    while (!text.ends_with(kFence)) {
        AFS_ASSIGN(line, read_line(". "));
        if (!line) return std::optional<std::string>(std::move(text));  // the end closes it too
        text += "\n" + *line;
        if (text.size() > kMostTextBytes) return text_too_long();
    }
    text.resize(text.size() - kFence.size());
    if (text.starts_with('\n')) text.erase(0, 1);  // the mark stood on a line of its own
    if (text.ends_with('\n')) text.pop_back();
    return std::optional<std::string>(std::move(text));
}

}  // namespace afs
