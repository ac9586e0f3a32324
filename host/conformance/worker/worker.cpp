#include "conformance/worker/worker.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "conformance/worker/worker_main.hpp"

extern char** environ;

namespace afs::conformance {
namespace {

Result<pid_t> spawn(const std::string& program, int in, int channel, int words) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, in, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&files, words, 2);
    posix_spawn_file_actions_adddup2(&files, channel, 3);
    posix_spawnattr_setpgroup(&attributes, 0);  // its own: what it started dies with it
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    std::string arguments[] = {program, kWorkerVerb};
    char* argv[] = {arguments[0].data(), arguments[1].data(), nullptr};
    pid_t child = 0;
    const int error = posix_spawn(&child, program.c_str(), &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (error != 0)
        return Status(Code::io, "cannot start '" + program + "': " + std::strerror(error), {},
                      error);
    return child;
}

void write_line(int to, const std::string& text) {
    const std::string line = text + "\n";
    for (size_t sent = 0; sent < line.size();) {
        const ssize_t n = ::write(to, line.data() + sent, line.size() - sent);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;  // it has ended: read() finds that out
        sent += static_cast<size_t>(n);
    }
}

uint64_t resident_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
    uint64_t total = 0, resident = 0;
    file >> total >> resident;
    return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

Result<std::unique_ptr<Pool::Worker>> Pool::Worker::start(const SubjectRequest& request,
                                                          const PoolOptions& options) {
    std::unique_ptr<Worker> w(new Worker);
    w->options_ = options;
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0) return Status(Code::io, "cannot make a pipe");
    if (pipe2(out, O_CLOEXEC) != 0) {
        close(in[0]), close(in[1]);
        return Status(Code::io, "cannot make a pipe");
    }
    w->to_ = in[1], w->from_ = out[0];
    w->words_ = memfd_create("words", MFD_CLOEXEC);
    auto pid = spawn(options.program, in[0], out[1], w->words_);
    close(in[0]), close(out[1]);
    if (!pid) return pid.status();
    w->pid_ = *pid;
    w->since_ = std::chrono::steady_clock::now();
    write_line(w->to_, as_json(request).dump());
    return w;
}

Pool::Worker::~Worker() {
    if (pid_ > 0) {
        kill(-pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    for (const int fd : {to_, from_, words_})
        if (fd >= 0) close(fd);
}

void Pool::Worker::give(const std::string& id) {
    id_ = id;
    stage_.clear();
    since_ = std::chrono::steady_clock::now();
    write_line(to_, id);
}

bool Pool::Worker::read(std::deque<nlohmann::json>& lines) {
    char part[65536];
    const ssize_t n = ::read(from_, part, sizeof part);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (n <= 0) return false;
    buffer_.append(part, static_cast<size_t>(n));
    for (size_t end; (end = buffer_.find('\n')) != std::string::npos;) {
        auto json = nlohmann::json::parse(
            buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
        buffer_.erase(0, end + 1);
        if (json.is_discarded() || !json.is_object()) continue;  // a plugin's own writing
        if (const auto stage = json.find("stage"); stage != json.end() && json.size() == 1)
            stage_ = stage->is_string() ? stage->get<std::string>() : "";
        else {
            if (json.contains("opened")) stage_.clear();
            lines.push_back(std::move(json));
        }
    }
    for (const auto& line : lines)
        if (line.contains("ending") && line.value("id", "") == id_) id_.clear();
    return true;
}

void Pool::Worker::watch() {
    if (killed_ != Kill::none) return;
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - since_).count();
    // opening may load a driver
    const double most = busy() || stage_ != "opening" ? options_.case_seconds
                                                      : std::max(60.0, options_.case_seconds);
    if ((busy() || stage_ == "opening") && seconds > most)
        killed_ = Kill::time;
    else if (resident_of(pid_) > options_.worker_bytes)
        killed_ = Kill::memory;
    if (killed_ != Kill::none) kill(-pid_, SIGKILL);
}

std::string Pool::Worker::last_words() const {
    const off_t size = lseek(words_, 0, SEEK_END);
    constexpr off_t kMost = 4096;
    std::string text(static_cast<size_t>(std::min(size, kMost)), '\0');
    if (pread(words_, text.data(), text.size(), std::max<off_t>(0, size - kMost)) < 0) return {};
    std::string line;  // the last that is not empty
    for (size_t at = 0, end; at < text.size(); at = end + 1) {
        end = std::min(text.find('\n', at), text.size());
        if (end > at) line = text.substr(at, std::min<size_t>(end - at, 200));
    }
    return line;
}

CaseResult Pool::Worker::post_mortem() {
    int state = 0;
    kill(-pid_, SIGKILL);  // what it started, and itself where it only closed the channel
    waitpid(pid_, &state, 0);
    pid_ = 0;
    CaseResult r;
    r.id = id_;
    r.stage = stage_;
    const std::string in = stage_.empty() ? "" : " in " + stage_;
    if (killed_ == Kill::time) {
        r.ending = Ending::hung;
        r.text =
            "no end after " + std::to_string(static_cast<int>(options_.case_seconds)) + " s" + in;
    } else if (killed_ == Kill::memory) {
        r.ending = Ending::out_of_memory;
        r.text = "took more than " + std::to_string(options_.worker_bytes >> 20) + " MiB" + in;
    } else if (WIFSIGNALED(state)) {
        r.ending = Ending::crashed;
        r.text = "signal " + std::to_string(WTERMSIG(state)) + " (" + strsignal(WTERMSIG(state)) +
                 ")" + in;
    } else {
        r.ending = Ending::exited;
        r.text = "ended the process with exit code " + std::to_string(WEXITSTATUS(state)) + in;
    }
    const std::string words = last_words();
    if (!words.empty() && killed_ == Kill::none) r.text += "; it said: " + words;
    r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - since_).count();
    return r;
}

}  // namespace afs::conformance
