#include "loader/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <sstream>

extern char** environ;

namespace afs {
namespace {

constexpr int kChannel = 3;
constexpr size_t kMostText = size_t{1} << 20;  // a plugin that writes to our channel is cut here

using Clock = std::chrono::steady_clock;

struct Descriptor {
    int number = -1;
    ~Descriptor() { reset(); }
    void reset() {
        if (number >= 0) close(number);
        number = -1;
    }
    // dup2 onto itself would keep close-on-exec, so what becomes the channel must lie above it.
    bool lift() {
        if (number > kChannel) return true;
        const int moved = fcntl(number, F_DUPFD_CLOEXEC, kChannel + 1);
        if (moved < 0) return false;
        close(number);
        number = moved;
        return true;
    }
};

// A file in memory that holds the child's input; nothing to feed while it runs.
bool fill_input(const std::string& text, Descriptor& file) {
    file.number = memfd_create("input", MFD_CLOEXEC);
    if (file.number < 0 || !file.lift()) return false;
    for (size_t done = 0; done < text.size();) {
        const ssize_t n = ::write(file.number, text.data() + done, text.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        done += static_cast<size_t>(n);
    }
    return lseek(file.number, 0, SEEK_SET) == 0;
}

// The child leads its own group, so that what it started dies with it.
int spawn(const ChildRequest& request, int input, int channel, pid_t& child) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, input, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&files, channel, kChannel);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    std::vector<std::string> arguments = {request.program};
    arguments.insert(arguments.end(), request.args.begin(), request.args.end());
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const int error =
        posix_spawn(&child, request.program.c_str(), &files, &attributes, argv.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return error;
}

// Waits for the child's end, kills it and all it started when the time is over. False: killed.
bool reap(pid_t child, Clock::time_point end, int& state) {
    for (;;) {
        const pid_t ended = waitpid(child, &state, WNOHANG);
        if (ended == child) return true;
        if (ended < 0 && errno != EINTR) return true;
        if (Clock::now() >= end) break;
        usleep(500);
    }
    kill(-child, SIGKILL);
    while (waitpid(child, &state, 0) < 0 && errno == EINTR) {
    }
    return false;
}

// Records as they come, until the child closes the channel or a stage takes too long.
class Receiver {
public:
    Receiver(int channel, double seconds,
             const std::function<void(const std::string&, const std::string&)>& on_record)
        : channel_(channel),
          limit_(
              std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))),
          on_record_(on_record) {}

    void receive() {
        char part[4096];
        for (size_t total = 0; total < kMostText;) {
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
            if (left.count() <= 0) return;
            pollfd waited{channel_, POLLIN, 0};
            const int ready = poll(&waited, 1, static_cast<int>(left.count()) + 1);
            if (ready < 0 && errno == EINTR) continue;
            if (ready <= 0) return;
            const ssize_t n = ::read(channel_, part, sizeof part);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return;
            total += static_cast<size_t>(n);
            text_.append(part, static_cast<size_t>(n));
            take_records();
        }
    }

    std::string stage = "start";
    Clock::time_point end;  // of the stage

    void start_stage() { end = Clock::now() + limit_; }

private:
    void take_records() {
        size_t from = 0;
        for (size_t stop; (stop = text_.find('\x1e', from)) != std::string::npos; from = stop + 1) {
            const std::string record = text_.substr(from, stop - from);
            const size_t at = record.find('\x1f');
            if (at == std::string::npos) continue;
            if (record.compare(0, at, "stage") == 0) {
                stage = record.substr(at + 1);
                start_stage();
            }
            on_record_(record.substr(0, at), record.substr(at + 1));
        }
        text_.erase(0, from);
    }

    int channel_;
    Clock::duration limit_;
    const std::function<void(const std::string&, const std::string&)>& on_record_;
    std::string text_;
};

std::string seconds_text(double seconds) {
    std::string text = std::to_string(seconds);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text + " s";
}

}  // namespace

std::string ChildEnd::reason(double timeout_seconds) const {
    if (!in_time) return "no answer within " + seconds_text(timeout_seconds) + ", in " + stage;
    if (WIFSIGNALED(wait_state))
        return "it crashed in " + stage + " by signal " + std::to_string(WTERMSIG(wait_state)) +
               " (" + strsignal(WTERMSIG(wait_state)) + ")";
    return "it ended the process in " + stage + " with exit code " +
           std::to_string(WEXITSTATUS(wait_state));
}

Result<ChildEnd> run_child(
    const ChildRequest& request,
    const std::function<void(const std::string& key, const std::string& value)>& on_record) {
    Descriptor input, reader, writer;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return Status(Code::io, std::string("no pipe: ") + std::strerror(errno));
    reader.number = ends[0];
    writer.number = ends[1];
    if (!writer.lift() || !fill_input(request.input, input))
        return Status(Code::io, std::string("no channel: ") + std::strerror(errno));
    pid_t child = 0;
    if (const int error = spawn(request, input.number, writer.number, child))
        return Status(Code::io, "cannot start '" + request.program + "': " + std::strerror(error),
                      {}, error);
    writer.reset();
    Receiver receiver(reader.number, request.timeout_seconds, on_record);
    receiver.start_stage();
    receiver.receive();
    ChildEnd end;
    end.in_time = reap(child, receiver.end, end.wait_state);
    end.stage = receiver.stage;
    return end;
}

void start_child() {
    fcntl(kChannel, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
}

// Records: key, 0x1f, value, 0x1e. Values are free text of a plugin; the separators are dropped.
void send_record(const char* key, const std::string& value) {
    std::string record = std::string(key) + '\x1f';
    for (const char c : value)
        if (c != '\x1e' && c != '\x1f') record += c;
    record += '\x1e';
    for (size_t sent = 0; sent < record.size();) {
        const ssize_t n = ::write(kChannel, record.data() + sent, record.size() - sent);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        sent += static_cast<size_t>(n);
    }
}

void finish_child() {
    close(kChannel);
    _exit(0);
}

void do_task(const char* stage, const std::function<Status(const json::Value& task)>& run) {
    start_child();
    send_record("stage", stage);
    std::ostringstream input;
    input << std::cin.rdbuf();
    const auto task = json::parse(input.str());
    const Status status = task ? run(*task) : task.status();
    if (!status.ok()) send_record("error", status.message());
    finish_child();
}

}  // namespace afs
