#include "commands/terminal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "runtime/shown_text.hpp"

namespace afs {
namespace {

// Atomic: a signal comes to any thread, and downloads ask from theirs.
std::atomic<int> caught{0};
static_assert(std::atomic<int>::is_always_lock_free, "written by a signal handler");
// A byte for each signal: whoever waits for input waits for this too, so that no signal slips
// through between a look at `caught` and the wait, whichever thread it comes to.
int wake[2] = {-1, -1};

void on_signal(int number) {
    int none = 0;
    if (!caught.compare_exchange_strong(none, number)) _exit(128 + number);  // asked twice: now
    const int kept = errno;
    [[maybe_unused]] const ssize_t written = ::write(wake[1], "", 1);
    errno = kept;
}

// Of the terminal now: asked for at each drawing, so that a resize shows at the next one.
size_t columns() {
    winsize size = {};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// At most `columns` wide, the last column left free: a line that wraps cannot be drawn over. The
// bar gives way first, then the label's beginning.
std::string progress_line(const std::string& label, uint64_t done, uint64_t total, double left,
                          size_t columns) {
    char counts[96];
    std::snprintf(counts, sizeof counts, "%llu/%llu, %.0f s left",
                  static_cast<unsigned long long>(done), static_cast<unsigned long long>(total),
                  left);
    const size_t room = columns > 1 ? columns - 1 : 1;
    std::string words = label + " " + counts;
    if (words.size() > room) return words.substr(words.size() - room);
    constexpr size_t kMost = 30, kFrame = 3;  // "[", "]" and a blank
    const size_t width =
        std::min(kMost, room - words.size() - std::min(room - words.size(), kFrame));
    if (width < 4) return words;
    const size_t filled = total ? static_cast<size_t>(width * std::min(done, total) / total) : 0;
    return label + " [" + std::string(filled, '#') + std::string(width - filled, ' ') + "] " +
           counts;
}

void on(int number, void (*handler)(int)) {
    struct sigaction action = {};
    action.sa_handler = handler;  // no SA_RESTART: a blocked read returns
    sigaction(number, &action, nullptr);
}

}  // namespace

Progress::Progress(std::string label)
    : label_(std::move(label)),
      start_(std::chrono::steady_clock::now()),
      drawn_(start_),
      terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
    clear();
}

void Progress::update(uint64_t done, uint64_t total) {
    using namespace std::chrono_literals;
    const auto now = std::chrono::steady_clock::now();
    if (!terminal_ || now - start_ < 1s || now - drawn_ < 100ms) return;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double left =
        done ? seconds * static_cast<double>(total - done) / static_cast<double>(done) : 0;
    std::fprintf(stderr, "\r%s\033[K", progress_line(label_, done, total, left, columns()).c_str());
    std::fflush(stderr);
    drawn_ = now;
    visible_ = true;
}

void Progress::clear() {
    if (visible_) std::fputs("\r\033[K", stderr);
    visible_ = false;
}

void catch_interrupts() {
    if (wake[0] < 0 && pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0) wake[0] = wake[1] = -1;
    on(SIGINT, on_signal);
    on(SIGTERM, on_signal);
    on(SIGPIPE, SIG_IGN);
    on(SIGXFSZ, SIG_IGN);
}

int interrupted() {
    return caught;
}

void clear_interrupt() {
    char bytes[16];
    while (::read(wake[0], bytes, sizeof bytes) > 0) {
    }
    caught = 0;
}

Status text_too_long() {
    return invalid("cannot read the input: a text has more than " + std::to_string(kMostTextBytes) +
                   " bytes; give it in parts");
}

Status write_out(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<size_t>(written));
        } else if (errno == EINTR) {
            if (interrupted()) return Status(Code::cancelled, "interrupted while writing");
        } else {
            return Status(Code::io,
                          std::string("cannot write to standard output: ") + std::strerror(errno),
                          {}, errno);
        }
    }
    return {};
}

Status write_shown(std::string_view text) {
    return write_out(shown_text(text));
}

Result<bool> LineReader::read_more() {
    if (ended_) return false;
    buffer_.erase(0, at_);
    at_ = 0;
    if (buffer_.size() > kMostTextBytes) return text_too_long();
    std::array<char, 65536> part;
    for (;;) {
        pollfd waited[2] = {{descriptor_, POLLIN, 0}, {wake[0], POLLIN, 0}};
        const int ready = poll(waited, 2, -1);
        if (interrupted()) return Status(Code::cancelled, "interrupted while reading");
        const ssize_t n = ready < 0 ? -1 : ::read(descriptor_, part.data(), part.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return Status(Code::io, std::string("cannot read the input: ") + std::strerror(errno),
                          {}, errno);
        buffer_.append(part.data(), static_cast<size_t>(n));
        ended_ = n == 0;
        return n > 0;
    }
}

Result<std::optional<std::string>> LineReader::next() {
    for (size_t searched = at_;;) {
        const size_t end = buffer_.find('\n', searched);
        if (end != std::string::npos) {
            std::string line = buffer_.substr(at_, end - at_);
            at_ = end + 1;
            return std::optional<std::string>(std::move(line));
        }
        searched = buffer_.size() - at_;  // read_more moves what is left to the front
        AFS_ASSIGN(const bool more, read_more());
        if (more) continue;
        if (at_ == buffer_.size()) return std::optional<std::string>();
        std::string line = buffer_.substr(at_);
        at_ = buffer_.size();
        return std::optional<std::string>(std::move(line));
    }
}

Result<std::string> LineReader::rest() {
    for (bool more = true; more;) {
        AFS_ASSIGN(more, read_more());
    }
    std::string text = buffer_.substr(at_);
    at_ = buffer_.size();
    return text;
}

Result<int> open_input_file(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) return descriptor;
    const bool absent = errno == ENOENT || errno == ENOTDIR;
    return Status(absent ? Code::not_found : Code::io,
                  "cannot read '" + path + "': " + std::strerror(errno), {}, errno);
}

Result<std::string> read_input_file(const std::string& path) {
    AFS_ASSIGN(const int descriptor, open_input_file(path));
    auto text = LineReader(descriptor).rest();
    ::close(descriptor);
    return text ? text : text.status().context("'" + path + "'");
}

Result<std::string> read_standard_input() {
    AFS_ASSIGN(std::string text, LineReader(STDIN_FILENO).rest());
    if (!text.empty() && text.back() == '\n') text.pop_back();
    if (!text.empty() && text.back() == '\r') text.pop_back();
    return text;
}

}  // namespace afs
