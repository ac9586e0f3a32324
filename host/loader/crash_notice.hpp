// Whose code a thread runs, so that a crash can say whose it was. A plugin is code in this process:
// what it breaks ends the process, but not without a word.
#pragma once

namespace afs {

// While one lives, this thread is inside a function of a plugin. Both texts outlive it.
class InPlugin {
public:
    struct Place {
        const char *plugin, *function;  // nullptr: the host's own code
    };

    InPlugin(const char* plugin, const char* function) : before_(current) {
        current = {plugin, function};
    }
    ~InPlugin() { current = before_; }
    InPlugin(const InPlugin&) = delete;
    InPlugin& operator=(const InPlugin&) = delete;

    static Place now() { return current; }

private:
    static inline constinit thread_local Place current = {nullptr, nullptr};
    Place before_;
};

// From here on a crash (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) writes one line that names the
// plugin and the function, then ends the process by that signal as it would have. Signals that
// somebody else handles already (a sanitizer) stay theirs.
void announce_crashes();

}  // namespace afs
