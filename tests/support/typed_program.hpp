// A program that a test types into, on a terminal or through a pipe, while it looks at what comes
// out. Standard output and error are pipes either way.
#pragma once
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

class TypedProgram {
public:
    enum class Input { terminal, pipe };

    TypedProgram(const std::vector<std::string>& command, Input input) {
        int to_out[2], to_err[2], in[2] = {-1, -1};
        if (pipe(to_out) || pipe(to_err) || (input == Input::pipe && pipe(in)))
            throw std::runtime_error("pipe");
        pid_ = input == Input::terminal ? forkpty(&keyboard_, nullptr, nullptr, nullptr) : fork();
        if (pid_ < 0) throw std::runtime_error("fork");
        if (pid_ == 0) {
            if (input == Input::pipe) dup2(in[0], 0);
            dup2(to_out[1], 1), dup2(to_err[1], 2);
            for (const int fd : {to_out[0], to_out[1], to_err[0], to_err[1], in[0], in[1]})
                if (fd > 2) close(fd);
            std::vector<char*> argv;
            for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
            argv.push_back(nullptr);
            execv(argv[0], argv.data());
            _exit(127);
        }
        if (input == Input::pipe) close(in[0]), keyboard_ = in[1];
        close(to_out[1]), close(to_err[1]);
        out_ = to_out[0], err_ = to_err[0];
    }
    ~TypedProgram() {
        if (pid_ > 0) kill(pid_, SIGKILL), wait();
        end_input();
        close(out_), close(err_);
    }
    TypedProgram(const TypedProgram&) = delete;
    TypedProgram& operator=(const TypedProgram&) = delete;

    void type(const std::string& text) {
        if (write(keyboard_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
            throw std::runtime_error("cannot type into the program");
    }
    void end_input() {
        if (keyboard_ >= 0) close(keyboard_);
        keyboard_ = -1;
    }
    void send(int signal_number) { kill(pid_, signal_number); }

    // Reads until this was written, beyond what earlier calls were content with; false: it ended,
    // or a minute went by.
    bool sees_out(const std::string& text) { return sees(out_, out, out_seen_, text); }
    bool sees_err(const std::string& text) { return sees(err_, err, err_seen_, text); }

    // What was written up to now counts as seen.
    void skip_out() {
        while (read_more(out_, out, 0)) {
        }
        out_seen_ = out.size();
    }

    // The exit code, 128 + n after signal n; out and err are then complete.
    int wait() {
        while (read_more(out_, out, 60000)) {
        }
        while (read_more(err_, err, 60000)) {
        }
        int status = 0;
        waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

    std::string out, err;  // so far

private:
    static bool read_more(int fd, std::string& into, int milliseconds) {
        pollfd waited{fd, POLLIN, 0};
        char buffer[4096];
        if (poll(&waited, 1, milliseconds) <= 0) return false;
        const ssize_t n = read(fd, buffer, sizeof buffer);
        if (n > 0) into.append(buffer, static_cast<size_t>(n));
        return n > 0;
    }
    static bool sees(int fd, std::string& into, size_t& seen, const std::string& text) {
        using namespace std::chrono;
        const auto end = steady_clock::now() + seconds(60);
        for (;;) {
            const size_t at = into.find(text, seen);
            if (at != std::string::npos) {
                seen = at + text.size();
                return true;
            }
            const auto left = duration_cast<milliseconds>(end - steady_clock::now()).count();
            if (left <= 0 || !read_more(fd, into, static_cast<int>(left))) return false;
        }
    }

    pid_t pid_ = -1;
    int keyboard_ = -1, out_ = -1, err_ = -1;
    size_t out_seen_ = 0, err_seen_ = 0;
};
