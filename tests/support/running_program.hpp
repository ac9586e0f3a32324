// A program that runs while the test looks at it: its output so far, its memory, signals to it.
#pragma once
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

class RunningProgram {
public:
    explicit RunningProgram(const std::vector<std::string>& command) {
        int out[2], err[2];
        if (pipe(out) || pipe(err)) throw std::runtime_error("pipe");
        pid_ = fork();
        if (pid_ == 0) {
            dup2(open("/dev/null", O_RDONLY), 0), dup2(out[1], 1), dup2(err[1], 2);
            for (const int fd : {out[0], out[1], err[0], err[1]}) close(fd);
            std::vector<char*> argv;
            for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
            argv.push_back(nullptr);
            execv(argv[0], argv.data());
            _exit(127);
        }
        close(out[1]), close(err[1]);
        out_ = out[0], err_ = err[0];
    }
    ~RunningProgram() {
        if (pid_ > 0) kill(pid_, SIGKILL), wait();
        close(out_), close(err_);
    }

    // Blocks until n bytes of standard output have come, or it ends.
    std::string read_out(size_t n) {
        std::string text;
        char buffer[4096];
        while (text.size() < n) {
            const ssize_t got = read(out_, buffer, sizeof buffer);
            if (got <= 0) break;
            text.append(buffer, static_cast<size_t>(got));
        }
        return text;
    }
    std::string read_rest_of_err() {
        std::string text;
        char buffer[4096];
        for (ssize_t got; (got = read(err_, buffer, sizeof buffer)) > 0;)
            text.append(buffer, static_cast<size_t>(got));
        return text;
    }
    void send(int signal_number) { kill(pid_, signal_number); }
    // The exit code, 128 + n after signal n; fills peak_kib().
    int wait() {
        int status = 0;
        rusage usage{};
        wait4(pid_, &status, 0, &usage);
        pid_ = -1;
        peak_kib_ = usage.ru_maxrss;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    long peak_kib() const { return peak_kib_; }

    // The sum of a field ("Private_Dirty", in KiB) over the mappings whose file name contains this.
    long mapped_kib(const std::string& file, const std::string& field) const {
        std::ifstream smaps("/proc/" + std::to_string(pid_) + "/smaps");
        bool inside = false;
        long sum = 0;
        for (std::string line; std::getline(smaps, line);) {
            const size_t colon = line.find(':');
            const bool is_field = colon != std::string::npos && line.find(' ') > colon;
            if (!is_field)
                inside = line.find(file) != std::string::npos;
            else if (inside && line.compare(0, colon, field) == 0)
                sum += std::stol(line.substr(colon + 1));
        }
        return sum;
    }
    bool maps_file(const std::string& part) const {
        std::ifstream maps("/proc/" + std::to_string(pid_) + "/maps");
        for (std::string line; std::getline(maps, line);)
            if (line.find(part) != std::string::npos) return true;
        return false;
    }

private:
    pid_t pid_ = -1;
    int out_ = -1, err_ = -1;
    long peak_kib_ = 0;
};
