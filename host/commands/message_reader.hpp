// The messages of a chat's user: those given, else one a line of standard input, or several lines
// between two """.
#pragma once
#include <string>
#include <vector>

#include "commands/terminal.hpp"

namespace afs {

class MessageReader {
public:
    // ask: with a prompt on standard error before each line.
    MessageReader(std::vector<std::string> given, bool ask);
    // nullopt: the end. CANCELLED: an interrupt came first.
    Result<std::optional<std::string>> next();

private:
    Result<std::optional<std::string>> read_line(const char* prompt);

    std::vector<std::string> given_;
    size_t at_ = 0;
    const bool from_input_, ask_;
    LineReader reader_;
};

}  // namespace afs
