#include "loader/crash_notice.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace afs {
namespace {

// Only what may be called in a signal handler: no allocation, no stdio.
class Line {
public:
    Line& operator<<(const char* text) {
        for (; *text && n_ < bytes_.size(); ++text) bytes_[n_++] = *text;
        return *this;
    }
    void print() const {
        [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, bytes_.data(), n_);
    }

private:
    std::array<char, 1024> bytes_;
    size_t n_ = 0;
};

void on_crash(int number) {
    const InPlugin::Place place = InPlugin::now();
    const char* what = sigdescr_np(number);
    Line line;
    line << "\nafs-host: crashed (" << (what ? what : "unknown signal") << ")";
    if (place.plugin)
        line << " in " << place.function << " of plugin '" << place.plugin
             << "'; report it to the plugin's author; judge it: afs-host conformance "
             << place.plugin << "\n";
    else
        line << " in the host itself, or in a thread that a plugin made; please report it with the "
                "command line\n";
    if (number == SIGBUS)
        line << "(a bus error is mostly a file in use that became shorter, or a failing disk)\n";
    line.print();
    signal(number, SIG_DFL);
    raise(number);
}

}  // namespace

void announce_crashes() {
    // A stack of its own, so that a stack that overflowed can be told of too.
    static std::array<char, 16384> memory;
    const stack_t stack = {memory.data(), 0, memory.size()};
    sigaltstack(&stack, nullptr);
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
        struct sigaction action = {};
        if (sigaction(number, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
        action.sa_handler = on_crash;
        action.sa_flags = SA_ONSTACK | SA_NODEFER;
        sigaction(number, &action, nullptr);
    }
}

}  // namespace afs
