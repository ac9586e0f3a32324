// What a verb needs from the terminal: progress, interrupts, and output that may go away.
#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "afs/status.hpp"

namespace afs {

// A bar on standard error, shown only on a terminal and only after the first second.
class Progress {
public:
    explicit Progress(std::string label);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    void update(uint64_t done, uint64_t total);
    void clear();

private:
    std::string label_;
    std::chrono::steady_clock::time_point start_, drawn_;
    bool visible_ = false;
    bool terminal_;
};

// From here on SIGINT and SIGTERM only set interrupted(), and a second one ends the process;
// a closed pipe makes writes fail instead of killing.
void catch_interrupts();
// 0, or the signal's number.
int interrupted();

// Writes all of it to standard output and flushes; IO says what went wrong ("broken pipe").
Status write_out(std::string_view text);

// Everything on standard input; one trailing line end is taken off. CANCELLED on an interrupt.
Result<std::string> read_standard_input();

}  // namespace afs
