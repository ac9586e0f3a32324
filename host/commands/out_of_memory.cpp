// What is said when an allocation was refused, wherever that was.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <new>

#include <unistd.h>

#include "afs/weights/available_memory.hpp"
#include "commands/command.hpp"

namespace afs {
namespace {

struct Use {
    uint64_t taken = 0, available = 0;  // MiB; 0: unknown
};

// Looking needs some memory too: a second refusal leaves the numbers out.
Use memory_use() noexcept {
    Use use;
    try {
        std::ifstream statm("/proc/self/statm");
        uint64_t pages = 0, resident = 0;
        if (statm >> pages >> resident)
            use.taken = resident * static_cast<uint64_t>(sysconf(_SC_PAGE_SIZE)) >> 20;
        const uint64_t available = available_memory();
        if (available != UINT64_MAX) use.available = available >> 20;
    } catch (const std::exception&) {
    }
    return use;
}

// Whether `operator new` has thrown in this thread.
thread_local bool refused = false;

void on_refusal() {
    refused = true;
    throw std::bad_alloc();
}

// Where no exception may pass: a library's destructor or noexcept function that allocates, a
// thread. Some such places end here without saying which exception it was.
[[noreturn]] void on_terminate() {
    try {
        if (const auto thrown = std::current_exception()) std::rethrow_exception(thrown);
        if (refused && std::uncaught_exceptions() > 0) _exit(report_out_of_memory());
    } catch (const std::bad_alloc&) {
        _exit(report_out_of_memory());
    } catch (const std::exception& thrown) {
        std::fprintf(stderr, "afs-host: internal error: %s\n", thrown.what());
    } catch (...) {
        std::fputs("afs-host: internal error: an unknown exception\n", stderr);
    }
    std::abort();
}

}  // namespace

void catch_what_nobody_can() {
    std::set_new_handler(on_refusal);
    std::set_terminate(on_terminate);
}

int report_out_of_memory() {
    const Use use = memory_use();
    std::fprintf(stderr,
                 "afs-host: out of memory: an allocation was refused with %llu MiB in use and %llu "
                 "MiB available; lower engine.max_context or engine.max_sequences, take a smaller "
                 "or quantised model, or raise the limit (ulimit -v, the container's)\n",
                 static_cast<unsigned long long>(use.taken),
                 static_cast<unsigned long long>(use.available));
    return kFailed;
}

}  // namespace afs
