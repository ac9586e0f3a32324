#include "lost_pages.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <mutex>

#include "afs/weights/mapped_file.hpp"

namespace afs {
namespace {

struct Slot {
    std::atomic<const uint8_t*> begin{nullptr};  // nullptr: free; written last
    uint64_t bytes = 0;
    const char* path = nullptr;
};
constexpr size_t kSlots = 1024;  // files beyond these are mapped, but not known to the handler
Slot slots[kSlots];
std::mutex adding;

int exit_code = 1;
struct sigaction before;  // what a signal of any other origin does

// One line of text without allocating.
class Line {
public:
    Line& text(const char* part) {
        for (; *part && n_ < sizeof text_; ++part) text_[n_++] = *part;
        return *this;
    }
    Line& number(uint64_t value) {
        char digits[21] = {};
        size_t at = sizeof digits - 1;
        do digits[--at] = static_cast<char>('0' + value % 10);
        while (value /= 10);
        return text(digits + at);
    }
    void print() const { [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, text_, n_); }

private:
    char text_[4608];  // a path of PATH_MAX and what is said of it
    size_t n_ = 0;
};

void on_lost_page(int number, siginfo_t* info, void*) {
    const auto* address = static_cast<const uint8_t*>(info->si_addr);
    for (const Slot& slot : slots) {
        const uint8_t* begin = slot.begin.load(std::memory_order_acquire);
        if (!begin || address < begin || address >= begin + slot.bytes) continue;
        Line line;
        line.text("afs-host: cannot read '").text(slot.path).text("' any further: ");
        line.number(slot.bytes).text(" bytes were mapped, ");
        struct stat now {};
        if (::stat(slot.path, &now) != 0 || static_cast<uint64_t>(now.st_size) >= slot.bytes)
            line.text("and its storage does not give them");
        else
            line.text("the file has ").number(static_cast<uint64_t>(now.st_size)).text(" now");
        line.text("; load the model again\n").print();
        _exit(exit_code);
    }
    ::sigaction(number, &before, nullptr);  // not ours: the read is repeated, and ends as ever
}

}  // namespace

void watch_pages(const uint8_t* begin, uint64_t bytes, const char* path) {
    const std::lock_guard<std::mutex> lock(adding);
    for (Slot& slot : slots) {
        if (slot.begin.load(std::memory_order_relaxed)) continue;
        slot.bytes = bytes;
        slot.path = path;
        slot.begin.store(begin, std::memory_order_release);
        return;
    }
}

void forget_pages(const uint8_t* begin) {
    const std::lock_guard<std::mutex> lock(adding);
    for (Slot& slot : slots)
        if (slot.begin.load(std::memory_order_relaxed) == begin) return slot.begin.store(nullptr);
}

void exit_on_lost_pages(int code) {
    exit_code = code;
    struct sigaction action {};
    action.sa_sigaction = on_lost_page;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGBUS, &action, &before);
}

}  // namespace afs
