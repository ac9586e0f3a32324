// The files in which the kernel describes the machine. A prefix puts another tree in the place of
// /, as a recorded machine has it (option plugins.system.root).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace env_system {

class Machine {
public:
    explicit Machine(std::string prefix) : prefix_(std::move(prefix)) {}
    // Whether the files are those of the machine that this runs on.
    bool here() const { return prefix_.empty(); }
    bool has(const std::string& path) const;
    std::optional<std::string> text(const std::string& path) const;  // at most 1 MiB
    std::optional<std::string> line(const std::string& path) const;  // its first line
    std::optional<uint64_t> number(const std::string& path) const;
    // "MemTotal" of "MemTotal:  123 kB"; the text after the colon.
    std::optional<std::string> field(const std::string& path, const std::string& key) const;
    std::vector<std::string> names(const std::string& folder) const;  // sorted

private:
    std::string prefix_;
};

std::string gib(uint64_t bytes);  // "23.5 GiB"

}  // namespace env_system
