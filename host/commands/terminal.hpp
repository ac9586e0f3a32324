// What a verb needs from the terminal: progress, interrupts, and output that may go away.
#pragma once
#include <chrono>
#include <optional>
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
// a closed pipe, or a file past the limit on its size, makes writes fail instead of killing.
void catch_interrupts();
// 0, or the signal's number.
int interrupted();
// The interrupt was dealt with: the next one is the first again.
void clear_interrupt();

// Writes all of it to standard output and flushes; IO says what went wrong ("broken pipe").
Status write_out(std::string_view text);
// The same of shown_text: for what people read and files, hubs and plugins had a part in.
Status write_shown(std::string_view text);

// Of one line, message or prompt: more would take memory without end (`< /dev/zero`) before any
// context refused it.
constexpr size_t kMostTextBytes = size_t{64} << 20;
Status text_too_long();

// The lines of an open file as they come, without their line feeds. INVALID: a text is too long.
class LineReader {
public:
    explicit LineReader(int descriptor) : descriptor_(descriptor) {}
    // The next line; a last one without a line feed counts. nullopt: the end. CANCELLED: an
    // interrupt came first; what was read so far is kept.
    Result<std::optional<std::string>> next();
    // Whether next() has a line without reading more.
    bool ready() const { return buffer_.find('\n', at_) != std::string::npos; }
    // What is left, line feeds included. CANCELLED as above.
    Result<std::string> rest();

private:
    Result<bool> read_more();  // false: the end

    int descriptor_;
    std::string buffer_;
    size_t at_ = 0;  // where the next line starts
    bool ended_ = false;
};

// A descriptor that the caller closes. NOT_FOUND: there is no such file.
Result<int> open_input_file(const std::string& path);

// All of a file as it is, or what a pipe by that name gives. NOT_FOUND as above; CANCELLED on an
// interrupt.
Result<std::string> read_input_file(const std::string& path);

// Everything on standard input; one trailing line end is taken off. CANCELLED on an interrupt.
Result<std::string> read_standard_input();

}  // namespace afs
