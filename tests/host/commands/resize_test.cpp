// A terminal that changes its size while a bar is drawn, or a message typed.
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/afs_host.hpp"
#include "support/temp_folder.hpp"

namespace {

// A program with a terminal for everything.
class OnTerminal {
public:
    OnTerminal(const std::vector<std::string>& command, unsigned short columns) {
        winsize size = {24, columns, 0, 0};
        pid_ = forkpty(&terminal_, nullptr, nullptr, &size);
        if (pid_ < 0) throw std::runtime_error("forkpty");
        if (pid_ == 0) {
            std::vector<char*> argv;
            for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
            argv.push_back(nullptr);
            execv(argv[0], argv.data());
            _exit(127);
        }
    }
    ~OnTerminal() {
        if (pid_ > 0) kill(pid_, SIGKILL), wait();
        close(terminal_);
    }
    OnTerminal(const OnTerminal&) = delete;
    OnTerminal& operator=(const OnTerminal&) = delete;

    void resize(unsigned columns) {  // the system sends SIGWINCH
        winsize size = {24, static_cast<unsigned short>(columns), 0, 0};
        if (ioctl(terminal_, TIOCSWINSZ, &size) != 0) throw std::runtime_error("TIOCSWINSZ");
    }
    void type(const std::string& text) {
        if (write(terminal_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
            throw std::runtime_error("cannot type");
    }
    bool sees(const std::string& wanted) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
        while (shown.find(wanted, seen_) == std::string::npos)
            if (std::chrono::steady_clock::now() > end || !read_more()) return false;
        seen_ = shown.find(wanted, seen_) + wanted.size();
        return true;
    }
    int wait() {
        while (read_more()) {
        }
        int status = 0;
        waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

    std::string shown;

private:
    bool read_more() {
        pollfd waited{terminal_, POLLIN, 0};
        char part[4096];
        if (poll(&waited, 1, 120000) <= 0) return false;
        const ssize_t n = read(terminal_, part, sizeof part);
        if (n > 0) shown.append(part, static_cast<size_t>(n));
        return n > 0;
    }

    pid_t pid_ = -1;
    int terminal_ = -1;
    size_t seen_ = 0;
};

// What was drawn over one line: what stands between a carriage return and the end of drawing.
std::vector<std::string> drawings(const std::string& shown) {
    std::vector<std::string> out;
    for (size_t from = 0; (from = shown.find('\r', from)) != std::string::npos; ++from) {
        const size_t end = shown.find("\033[K", from);
        if (end == std::string::npos) break;
        const std::string line = shown.substr(from + 1, end - from - 1);
        if (line.find_first_of("\r\n") == std::string::npos) out.push_back(line);
    }
    return out;
}

}  // namespace

TEST_CASE("resize: a bar stays on one line of the terminal as it is now") {
    const afs::test::TempFolder folder;
    std::string prompt;
    for (int i = 0; i < 250; ++i) prompt += "once upon a time ";
    const auto file = folder.write("prompt", prompt);
    OnTerminal program(
        {kHost, "--model-plugin", "llama3", "--kernels", "reference", "--threads", "1", "--file",
         file.string(), "-n", "1", "--no-echo", "--prefill-chunk", "1", "--dtype", "fp64"},
        100);
    REQUIRE(program.sees("reading the prompt ["));
    for (int i = 0; i < 2; ++i) REQUIRE(program.sees("s left\033[K"));
    CHECK(drawings(program.shown).back().size() > 40);
    program.resize(24);
    REQUIRE(program.sees("s left\033[K"));  // may have been on its way
    const size_t before = program.shown.size();
    REQUIRE(program.sees("s left\033[K"));
    CHECK(program.wait() == 0);
    const auto after = drawings(program.shown.substr(before - 1));
    REQUIRE(!after.empty());
    for (const std::string& line : after) {
        CAPTURE(line);
        CHECK(line.size() < 24);
    }
}

TEST_CASE("resize: a conversation goes on") {
    OnTerminal program(
        {kHost, "chat", "--model-plugin", "llama3", "--chat-template", "llama3", "-n", "4"}, 80);
    REQUIRE(program.sees("> "));
    program.type("On");
    for (const unsigned columns : {20u, 200u, 1u, 0u, 80u}) program.resize(columns);
    program.type("ce\n");
    REQUIRE(program.sees("tok/s"));
    REQUIRE(program.sees("> "));
    program.type("\x04");
    CHECK(program.wait() == 0);
}
