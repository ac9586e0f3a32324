// Runs a program with arguments, environment and standard input; keeps what it prints.
#pragma once
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

struct ProgramResult {
    int exit_code = -1;  // 128 + n: ended by signal n
    std::string out, err;
};

struct ProgramRun {
    std::string program;
    std::vector<std::string> args;
    std::string input = {};
    std::map<std::string, std::string> environment = {};  // added to a clean PATH and HOME
    std::string folder = {};                              // working directory; empty: this one

    ProgramResult run() const {
        int in[2], out[2], err[2];
        if (pipe(in) || pipe(out) || pipe(err)) throw std::runtime_error("pipe");
        const pid_t child = fork();
        if (child == 0) {
            dup2(in[0], 0), dup2(out[1], 1), dup2(err[1], 2);
            for (const int fd : {in[0], in[1], out[0], out[1], err[0], err[1]}) close(fd);
            execute();
        }
        close(in[0]), close(out[1]), close(err[1]);
        ProgramResult result;
        exchange(in[1], out[0], err[0], result);
        int status = 0;
        waitpid(child, &status, 0);
        result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return result;
    }

private:
    [[noreturn]] void execute() const {
        if (!folder.empty() && chdir(folder.c_str()) != 0) _exit(126);
        std::vector<std::string> variables = {
            "PATH=" + std::string(std::getenv("PATH") ? std::getenv("PATH") : ""), "HOME=/tmp"};
        for (const char* keep : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"})
            if (const char* value = std::getenv(keep))
                variables.push_back(std::string(keep) + "=" + value);
        for (const auto& [key, value] : environment) variables.push_back(key + "=" + value);
        std::vector<char*> argv = {const_cast<char*>(program.c_str())}, envp;
        for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
        for (std::string& variable : variables) envp.push_back(variable.data());
        argv.push_back(nullptr), envp.push_back(nullptr);
        execve(program.c_str(), argv.data(), envp.data());
        _exit(127);
    }

    // Feeds the input and drains both outputs at once, so that neither side can block.
    void exchange(int to, int out, int err, ProgramResult& result) const {
        signal(SIGPIPE, SIG_IGN);
        size_t written = 0;
        pollfd fds[3] = {{to, POLLOUT, 0}, {out, POLLIN, 0}, {err, POLLIN, 0}};
        if (input.empty()) close(to), fds[0].fd = -1;
        while (fds[1].fd >= 0 || fds[2].fd >= 0) {
            if (poll(fds, 3, -1) < 0) continue;
            if (fds[0].fd >= 0 && fds[0].revents) {
                const ssize_t n = write(to, input.data() + written, input.size() - written);
                if (n > 0) written += static_cast<size_t>(n);
                if (n <= 0 || written == input.size()) close(to), fds[0].fd = -1;
            }
            drain(fds[1], result.out);
            drain(fds[2], result.err);
        }
        if (fds[0].fd >= 0) close(to);
    }

    static void drain(pollfd& fd, std::string& into) {
        if (fd.fd < 0 || !fd.revents) return;
        char buffer[65536];
        const ssize_t n = read(fd.fd, buffer, sizeof buffer);
        if (n > 0) into.append(buffer, static_cast<size_t>(n));
        if (n <= 0) close(fd.fd), fd.fd = -1;
    }
};
