#include "commands/weights/transfer_line.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace afs {
namespace {

using namespace std::chrono_literals;

constexpr auto kWindow = 5s;  // over which the rate is taken
constexpr uint64_t kBarWidth = 24;
constexpr size_t kColumns = 98;

}  // namespace

std::string duration_text(double seconds) {
    const auto whole = static_cast<long long>(std::ceil(std::min(seconds, 1e9)));
    char text[48];
    if (whole < 60)
        std::snprintf(text, sizeof text, "%lld s", whole);
    else if (whole < 3600)
        std::snprintf(text, sizeof text, "%lld min %02lld s", whole / 60, whole % 60);
    else
        std::snprintf(text, sizeof text, "%lld h %02lld min", whole / 3600, whole / 60 % 60);
    return text;
}

std::string transfer_text(const std::string& label, const hub::FetchSnapshot& now, double rate) {
    if (now.files == 0) {
        std::string wait = "asking the hub";
        if (!now.trouble.empty()) wait = "trying again: " + now.trouble;
        if (now.pause_seconds > 0)
            wait = "waiting " + std::to_string(now.pause_seconds) + " s, as the hub asks";
        return (label + ": " + wait).substr(0, kColumns);
    }
    const uint64_t filled = now.total ? static_cast<uint64_t>(static_cast<double>(kBarWidth) *
                                                              static_cast<double>(now.done) /
                                                              static_cast<double>(now.total))
                                      : 0;
    std::string text = "[" + std::string(filled, '#') + std::string(kBarWidth - filled, ' ') +
                       "] " + hub::bytes_text(now.done) + " of " + hub::bytes_text(now.total) +
                       ", " + std::to_string(now.files_done) + "/" + std::to_string(now.files) +
                       " files";
    if (now.pause_seconds > 0) {
        text += ", the hub asks to wait " + std::to_string(now.pause_seconds) + " s";
    } else if (rate > 0) {
        text += ", " + hub::bytes_text(static_cast<uint64_t>(rate)) + "/s, " +
                duration_text(static_cast<double>(now.total - now.done) / rate) + " left";
    }
    const size_t room = kColumns - std::min(kColumns, text.size() + 1);
    return label.substr(0, room) + " " + text;
}

TransferLine::TransferLine(std::string label)
    : label_(std::move(label)), terminal_(isatty(STDERR_FILENO) == 1) {}

double TransferLine::rate(const hub::FetchSnapshot& now, Clock::time_point time) {
    samples_.push_back({time, now.received});
    while (samples_.size() > 2 && time - samples_.front().time > kWindow) samples_.pop_front();
    const double seconds = std::chrono::duration<double>(time - samples_.front().time).count();
    return seconds > 0.2 ? static_cast<double>(now.received - samples_.front().received) / seconds
                         : 0;
}

void TransferLine::show(const hub::FetchSnapshot& now) {
    const auto time = Clock::now();
    if (!terminal_ || time - drawn_ < 100ms) return;
    drawn_ = time;
    winsize size{};
    // A line that wraps could not be drawn over.
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    const size_t columns = known ? size.ws_col - size_t{1} : kColumns;
    std::fprintf(stderr, "\r%s\033[K",
                 transfer_text(label_, now, rate(now, time)).substr(0, columns).c_str());
    std::fflush(stderr);
    visible_ = true;
}

void TransferLine::clear() {
    if (visible_) std::fputs("\r\033[K", stderr);
    visible_ = false;
}

}  // namespace afs
