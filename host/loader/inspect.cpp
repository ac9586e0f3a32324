#include "loader/inspect.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "loader/plugin_file.hpp"
#include "loader/plugin_instance.hpp"

extern char** environ;

namespace afs {
namespace {

constexpr int kChannel = 3;
constexpr size_t kMostText = size_t{1} << 20;  // a plugin that writes to our channel is cut here

// Records: key, 0x1f, value, 0x1e. Values are free text of a plugin; the separators are dropped.
void send(const char* key, const std::string& value) {
    std::string record = std::string(key) + '\x1f';
    for (char c : value)
        if (c != '\x1e' && c != '\x1f') record += c;
    record += '\x1e';
    for (size_t sent = 0; sent < record.size();) {
        const ssize_t n = ::write(kChannel, record.data() + sent, record.size() - sent);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        sent += static_cast<size_t>(n);
    }
}

struct Pipe {
    int ends[2] = {-1, -1};
    ~Pipe() {
        for (int end : ends)
            if (end >= 0) close(end);
    }
    void close_writer() {
        close(ends[1]);
        ends[1] = -1;
    }
};

// The child leads its own group, so that what it started dies with it.
Result<pid_t> spawn(const std::string& program, const std::string& path, int channel) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&files, channel, kChannel);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    std::string arguments[] = {program, kInspectVerb, path};
    char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
    pid_t child = 0;
    const int error = posix_spawn(&child, program.c_str(), &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (error != 0)
        return Status(Code::io, "cannot start '" + program + "': " + std::strerror(error), {},
                      error);
    return child;
}

using Clock = std::chrono::steady_clock;

// Everything the child says until it closes the channel, or the time is over.
std::string receive(int channel, Clock::time_point end) {
    std::string text;
    char part[4096];
    while (text.size() < kMostText) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
        if (left.count() <= 0) break;
        pollfd waited{channel, POLLIN, 0};
        const int ready = poll(&waited, 1, static_cast<int>(left.count()) + 1);
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) break;
        const ssize_t n = ::read(channel, part, sizeof part);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        text.append(part, static_cast<size_t>(n));
    }
    return text;
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

struct Report {
    PluginFacts facts;
    std::string stage = "start", error;
    bool done = false;
};

Report parse(const std::string& text) {
    Report report;
    for (size_t from = 0; from < text.size();) {
        const size_t end = text.find('\x1e', from);
        if (end == std::string::npos) break;
        const std::string record = text.substr(from, end - from);
        from = end + 1;
        const size_t at = record.find('\x1f');
        if (at == std::string::npos) continue;
        const std::string key = record.substr(0, at), value = record.substr(at + 1);
        PluginFacts& f = report.facts;
        if (key == "stage") report.stage = value;
        if (key == "error") report.error = value;
        if (key == "kind") f.kind = value;
        if (key == "name") f.name = value;
        if (key == "version") f.version = value;
        if (key == "licence") f.licence = value;
        if (key == "build") f.build = value;
        if (key == "domain") f.domain = value;
        if (key == "provides") f.provides.push_back(value);
        if (key == "reason") f.reason = value;
        if (key == "usable") f.usable = value == "1";
        if (key == "done") report.done = true;
    }
    return report;
}

std::string seconds_text(double seconds) {
    std::string text = std::to_string(seconds);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text + " s";
}

}  // namespace

Result<PluginFacts> inspect_in_child(const std::string& path, const InspectOptions& options) {
    const std::string failed = "cannot look at plugin '" + path + "'";
    Pipe pipe;
    if (pipe2(pipe.ends, O_CLOEXEC) != 0)
        return Status(Code::io, failed + ": no pipe: " + std::strerror(errno));
    // dup2 onto itself would keep close-on-exec, so the writer must lie elsewhere.
    if (pipe.ends[1] == kChannel) {
        const int moved = fcntl(kChannel, F_DUPFD_CLOEXEC, kChannel + 1);
        if (moved < 0) return Status(Code::io, failed + ": " + std::strerror(errno));
        close(kChannel);
        pipe.ends[1] = moved;
    }
    AFS_ASSIGN(const pid_t child, spawn(options.program, path, pipe.ends[1]));
    pipe.close_writer();
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(options.timeout_seconds));
    const Report report = parse(receive(pipe.ends[0], end));
    int state = 0;
    const bool in_time = reap(child, end, state);
    if (!report.error.empty()) return invalid(report.error);
    if (report.done) return report.facts;
    if (!in_time)
        return Status(Code::cancelled, failed + ": no answer within " +
                                           seconds_text(options.timeout_seconds) + ", in " +
                                           report.stage);
    if (WIFSIGNALED(state))
        return Status(Code::internal, failed + ": it crashed in " + report.stage + " by signal " +
                                          std::to_string(WTERMSIG(state)) + " (" +
                                          strsignal(WTERMSIG(state)) + ")");
    return Status(Code::internal, failed + ": it ended the process in " + report.stage +
                                      " with exit code " + std::to_string(WEXITSTATUS(state)));
}

int inspect_main(const char* path) {
    fcntl(kChannel, F_SETFD, FD_CLOEXEC);  // what the plugin starts does not hold the channel
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    send("stage", "loading");
    const auto file = load_plugin(path, "");
    if (!file.ok()) {
        send("error", file.status().message());
        return 1;
    }
    const PluginFile& plugin = **file;
    send("kind", plugin.kind);
    send("name", plugin.name);
    send("version", plugin.version);
    send("licence", plugin.licence);
    send("build", plugin.build);
    send("domain", plugin.domain);
    for (const std::string& id : plugin.provides) send("provides", id);
    send("stage", "its probe");
    afs_open_args args = make<afs_open_args>();
    args.world = 1;
    args.host = &plugin_host();
    const Status probed = probe_plugin(plugin, args);
    send("usable", probed.ok() ? "1" : "0");
    if (!probed.ok()) send("reason", probed.message());
    send("done", "1");
    close(kChannel);
    _exit(0);  // no static destructors of a plugin: it has answered
}

}  // namespace afs
