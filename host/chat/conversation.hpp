// A conversation as the host keeps it, and as JSON.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "afs/json.hpp"
#include "afs/status.hpp"

namespace afs {

struct Message {
    std::string role, content;  // role: system, user or assistant; content: bytes
};
using Messages = std::vector<Message>;

inline bool begins_with_system(const Messages& messages) {
    return !messages.empty() && messages.front().role == "system";
}

// [{"role": .., "content": ..}, ..]; bytes that are no UTF-8 become U+FFFD.
json::Value to_json(const Messages& messages);

// A file with such a list, or with an object whose "messages" is one. INVALID names file, line,
// what was expected and found.
Result<Messages> read_messages(const std::filesystem::path& path);

}  // namespace afs
